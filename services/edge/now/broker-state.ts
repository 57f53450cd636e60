import { orAfter } from '#runtime/calls/deadline.ts'
import type { ServiceState } from '#runtime/offsets/service-states.ts'

/** What the broker says of services, with when that was (ms since 1970), or that it does not answer. */
export type BrokerState = { states: ServiceState[]; at: number } | { error: string }

/** Says how far services have read. Never rejects, and answers within a second. */
export type ReadBroker = () => Promise<BrokerState>

/** A page waits so long for the broker. */
const answerMs = 1000
/** Younger readings are not asked for again; those up to `servedMs` serve while the next is on its way. */
const freshMs = 2000
const servedMs = 15_000

/** One reading for all pages that ask at the same time. A broker that does not answer costs a page `answerMs` at most. */
export function openBrokerState(read: () => Promise<ServiceState[]>): ReadBroker {
  let last: { states: ServiceState[]; at: number; read: number } | null = null
  let running: { work: Promise<BrokerState>; began: number } | null = null

  function refresh(): { work: Promise<BrokerState>; began: number } {
    const work = read()
      .then((states): BrokerState => {
        last = { states, at: Date.now(), read: performance.now() }
        return last
      })
      .catch((error: unknown): BrokerState => {
        last = null
        return { error: (error as Error).message }
      })
      .finally(() => (running = null))
    return { work, began: performance.now() }
  }

  return async () => {
    const now = performance.now()
    if (last !== null && now - last.read < freshMs) return last
    running ??= refresh()
    const isLate = now - running.began > answerMs
    if (last !== null && now - last.read < servedMs && !isLate) return last
    const late = (): BrokerState => ({ error: `no answer within ${answerMs} ms` })
    return isLate ? late() : orAfter(running.work, answerMs, late)
  }
}
