import { retryTransient } from '../calls/retry.ts'
import type { ServiceContext } from './service.ts'

/** A turn longer than this is stuck. */
const maxTurnMs = 120_000

/**
 * Runs `turn` every `everyMs`, earlier when it returned fewer ms until the next, and at once when the returned function
 * is called: one turn at a time, until the service stops, whose resources are closed only after the last turn.
 * Transient errors repeat the turn, others end the service. Timers are monotonic: a clock that is set changes nothing.
 */
export function startLoop(
  name: string,
  everyMs: number,
  { scope, stopping, health, log, fail }: ServiceContext,
  turn: () => Promise<number | null | void>,
): () => void {
  let isWanted = false
  const remember = (): void => {
    isWanted = true
  }
  let wake = remember
  let turnStartedAt: number | null = null

  const pause = (ms: number) =>
    new Promise<void>((done) => {
      const end = () => {
        clearTimeout(timer)
        wake = remember
        isWanted = false
        done()
      }
      const timer = setTimeout(end, ms)
      wake = end
      if (isWanted || stopping.aborted) end()
    })

  async function run(): Promise<void> {
    while (!stopping.aborted) {
      turnStartedAt = performance.now()
      const nextMs = await retryTransient(turn, {
        signal: stopping,
        onRetry: (error, attempt) => {
          turnStartedAt = performance.now()
          log.warn({ error, attempt, loop: name }, 'retrying')
        },
      })
      turnStartedAt = null
      await pause(Math.min(nextMs ?? everyMs, everyMs))
    }
  }

  health.live(name, () => {
    if (turnStartedAt !== null && performance.now() - turnStartedAt > maxTurnMs)
      throw new Error(`stuck for over ${maxTurnMs / 1000} s`)
  })
  stopping.addEventListener('abort', () => wake(), { once: true })
  const ended = run().catch((error: unknown) => {
    if (!stopping.aborted) fail(error)
  })
  scope.defer(() => ended)
  return () => wake()
}
