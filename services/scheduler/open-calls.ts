import type { Database } from '#runtime/postgres/database.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import { seeCalls } from './call-log.ts'
import type { Claim } from './claims.ts'

/** The calls to modules that this process holds open. */
export type OpenCalls = {
  /** Holds the call of a claim until it has ended. `over` aborts when its attempt is over all the same. */
  hold<T>(claim: Claim, call: (over: AbortSignal) => Promise<T>): Promise<T>
}

/** Well below the time after which other replicas take a call for lost. */
const everyMs = 5000

/**
 * Records every few seconds that calls are open: as long as one is, its module is not called again. Aborts those whose
 * attempt is over.
 */
export function startOpenCalls(context: ServiceContext, database: Database): OpenCalls {
  const open = new Map<Claim, AbortController>()
  startLoop('open_calls', everyMs, context, async () => {
    const claims = [...open.keys()]
    if (claims.length === 0) return
    const over = new Set(await seeCalls(database, claims))
    for (const claim of claims) if (over.has(claim.task_id)) open.get(claim)?.abort()
  })
  return {
    async hold(claim, call) {
      const controller = new AbortController()
      open.set(claim, controller)
      try {
        return await call(controller.signal)
      } finally {
        open.delete(claim)
      }
    },
  }
}
