import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { root } from '../../deploy/local/config.ts'
import { findFreePort } from '../../deploy/local/free-port.ts'
import { answers } from '../../deploy/local/processes.ts'

/** A service that this measure alone starts and stops, so that it finds its backlog when it begins. */
export type RunningService = AsyncDisposable & { pid: number; healthUrl: string }

const deadlineMs = 60_000

/** Starts `node services/<name>/main.ts` and resolves when it is ready; it is stopped in order when disposed. */
export async function runService(name: string, env: NodeJS.ProcessEnv): Promise<RunningService> {
  const port = await findFreePort()
  const healthUrl = `http://127.0.0.1:${port}`
  const child = spawn(process.execPath, [join(root, 'services', name, 'main.ts')], {
    cwd: root,
    env: { ...env, HEALTH_PORT: String(port), LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const ended = once(child, 'exit')
  const service = {
    pid: child.pid ?? 0,
    healthUrl,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      const [code] = (await ended) as [number | null]
      if (code !== 0) throw new Error(`${name} ended with ${code}`)
    },
  }
  for (const deadline = performance.now() + deadlineMs; performance.now() < deadline; await delay(50)) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode} before it was ready`)
    if (await answers(`${healthUrl}/readyz`).catch(() => false)) return service
  }
  child.kill('SIGKILL')
  throw new Error(`${name} was not ready within ${deadlineMs / 1000} s`)
}
