import { join } from 'node:path'
import { root } from '../../deploy/local/config.ts'
import { findFreePort } from '../../deploy/local/free-port.ts'
import { answers } from '../../deploy/local/processes.ts'
import { startProcess, type StartedProcess } from './process.ts'

export type StartedService = StartedProcess & {
  /** Where it takes requests (EDGE_PORT); only the edge does. */
  url: string
  /** Where /livez, /readyz and /metrics are. */
  healthUrl: string
}

/**
 * Starts `node services/<name>/main.ts` on free ports, with `env` alone as its environment, and resolves when /readyz
 * says so. An installation's `start` knows the environment: use that where there is one. `from`: the folder of another
 * version. `flags`: of Node.
 */
export async function startService(
  name: string,
  env: NodeJS.ProcessEnv,
  from = root,
  flags: string[] = [],
): Promise<StartedService> {
  const [port, healthPort] = [await findFreePort(), await findFreePort()]
  const ports = { EDGE_PORT: String(port), HEALTH_PORT: String(healthPort), ...env }
  const healthUrl = `http://127.0.0.1:${ports.HEALTH_PORT}`
  const main = join(from, 'services', name, 'main.ts')
  const started = await startProcess(name, [...flags, main], ports, () => answers(`${healthUrl}/readyz`), undefined, {
    cwd: from,
  })
  return { ...started, url: `http://127.0.0.1:${ports.EDGE_PORT}`, healthUrl }
}
