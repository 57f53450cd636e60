import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { root } from '../../deploy/local/config.ts'
import { findFreePort } from '../../deploy/local/free-port.ts'
import { answers } from '../../deploy/local/processes.ts'
import { heapFlags } from '../../deploy/service-values.ts'
import { waitFor } from '../harness/wait-for.ts'

/** A service that one measure starts and stops, so that its backlog exists when it starts. */
export type RunningService = AsyncDisposable & { pid: number; healthUrl: string }

/**
 * Starts `node services/<name>/main.ts` with the heap of its pod, and resolves when it is ready; it is stopped in order
 * when disposed.
 */
export async function runService(name: string, env: NodeJS.ProcessEnv): Promise<RunningService> {
  const port = await findFreePort()
  const healthUrl = `http://127.0.0.1:${port}`
  const child = spawn(process.execPath, [...heapFlags(name), join(root, 'services', name, 'main.ts')], {
    cwd: root,
    env: { ...env, HEALTH_PORT: String(port), LOG_LEVEL: 'warn' },
    // What the bench prints may be JSON.
    stdio: ['ignore', process.stderr, process.stderr],
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
  try {
    await waitFor(`${name} to be ready`, () => child.exitCode !== null || answers(`${healthUrl}/readyz`))
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode} before it was ready`)
  return service
}

/** Starts an edge of its own beside that of the stack. */
export async function runEdge(env: NodeJS.ProcessEnv): Promise<RunningService & { url: string }> {
  const port = await findFreePort()
  return { ...(await runService('edge', { ...env, EDGE_PORT: String(port) })), url: `http://127.0.0.1:${port}` }
}

const patienceMs = 1_800_000

/** Runs a service until it has done its work. */
export async function runUntil(env: NodeJS.ProcessEnv, name: string, isDone: (healthUrl: string) => Promise<boolean>) {
  await using service = await runService(name, env)
  await waitFor(`${name} to be done`, () => isDone(service.healthUrl), patienceMs, 100)
}
