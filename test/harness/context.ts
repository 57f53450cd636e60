import { createLog } from '#runtime/process/log.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import { onCleanup } from './cleanup.ts'

/**
 * A service within this process: what runService gives it, with `failures` in place of the end of the process. It stops
 * when the test is over.
 */
export function createContext(name: string) {
  const scope = new AsyncDisposableStack()
  const abort = new AbortController()
  const failures: unknown[] = []
  const checks = new Map<string, () => string | void | Promise<string | void>>()
  const context: ServiceContext = {
    name,
    log: createLog(name, 'silent'),
    health: {
      ready: (check, run) => void checks.set(check, run),
      dependency: (check, run) => void checks.set(check, run),
      away: () => Promise.resolve([]),
      live: () => undefined,
      drain: () => undefined,
    },
    scope,
    stopping: abort.signal,
    step: (_, work) => work(() => undefined),
    fail: (error) => {
      failures.push(error)
      abort.abort()
    },
  }
  const stop = () => (abort.abort(), scope.disposeAsync())
  onCleanup(stop)
  return { context, failures, checks, stop }
}
