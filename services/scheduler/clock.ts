import { classify } from '#runtime/process/retry.ts'
import type { ServiceContext } from '#runtime/process/service.ts'

/** Asks for a round now, or right after the one under way. */
export type Wake = () => void

/** A round that took place this many periods ago at the latest, or the service is not ready. */
const patience = 4

/**
 * Calls `tick` every `seconds`, earlier when woken or when it said so, and never twice at once. Measures time by the
 * process's monotonic timer, so that a clock that is set cannot stop it. Transient errors wait for the next round, any
 * other ends the service.
 */
export function startClock(tick: () => Promise<number | null>, seconds: number, context: ServiceContext): Wake {
  const { log, health, scope, stopping, fail } = context
  let round: Promise<void> | null = null
  let wanted = false
  let lastSuccess = performance.now()
  let timer: NodeJS.Timeout | undefined

  async function run(): Promise<void> {
    let next: number | null = null
    do {
      wanted = false
      try {
        next = await tick()
        lastSuccess = performance.now()
      } catch (error) {
        if (stopping.aborted) return
        if (classify(error) !== 'transient') return fail(error)
        log.warn({ error }, 'tick_failed')
      }
    } while (wanted && !stopping.aborted)
    clearTimeout(timer)
    if (!stopping.aborted) timer = setTimeout(wake, Math.min(next ?? Infinity, seconds * 1000))
  }

  function wake(): void {
    wanted = true
    if (!stopping.aborted) round ??= run().finally(() => (round = null))
  }

  health.ready('tick', () => {
    const ago = (performance.now() - lastSuccess) / 1000
    if (ago > patience * seconds) throw new Error(`no successful round for ${Math.round(ago)} s`)
  })
  scope.defer(async () => {
    clearTimeout(timer)
    await round
  })
  wake()
  return wake
}
