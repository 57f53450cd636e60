import { isZone } from '../text/time-zone.ts'
import { isCron } from './cron.ts'
import type { SourceSlots } from './plan-slots.ts'
import type { Policy } from './read-policy.ts'
import { minutesOf } from './window.ts'

/** What a policy says of the slots of its source. What cannot be read of it has no effect: it must not stop the source. */
export function planOf({
  cron,
  zone,
  jitter_seconds,
  window_from,
  window_to,
  catch_up,
}: Policy): Pick<SourceSlots, 'cron' | 'zone' | 'window' | 'jitter_ms' | 'catch_up'> {
  const known = isZone(zone) ? zone : 'UTC'
  return {
    cron: cron !== null && isCron(cron, known) ? cron : null,
    zone: known,
    window:
      window_from === null || window_to === null
        ? null
        : { from: minutesOf(window_from), to: minutesOf(window_to), zone: known },
    jitter_ms: jitter_seconds * 1000,
    catch_up,
  }
}
