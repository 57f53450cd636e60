import { planOf } from '#runtime/plan/policy-plan.ts'
import { lateStartMs, type PreviewedSource, previewSlots } from '#runtime/plan/plan-slots.ts'
import { defaultPolicy, type Policy } from '#runtime/plan/read-policy.ts'
import { dayMs } from '#runtime/text/time.ts'
import type { DeskSource } from './read-sources.ts'

/** Slots that a page shows. */
const shownSlots = 5
/** Patterns such as 29 February come rarely. */
const lookAheadMs = 10 * 366 * dayMs

type Planned = Pick<
  DeskSource,
  'id' | 'active' | 'frequency' | 'policy' | 'latest' | 'earliest' | 'last_missed' | 'waiting'
>

/**
 * The next slots of a source, provided that nothing changes and nothing fails; with `changed` as they would be by that
 * policy. None where that is not known: before the first run, while it is off.
 */
export function comingSlots(source: Planned, now: number, changed: { policy?: Policy } = {}): number[] {
  const { latest, waiting } = source
  if (latest === null && waiting.length === 0 && changed.policy === undefined) return []
  return previewSlots(toSlots(source, now, changed.policy), now, now + lookAheadMs, shownSlots)
}

function toSlots({ policy, ...source }: Planned, now: number, changed: Policy | undefined): PreviewedSource {
  const { active, latest, last_missed, waiting, earliest, frequency, id } = source
  return {
    ...{ id, frequency, earliest, last_missed, waiting, grace_ms: lateStartMs },
    ...planOf(changed ?? policy ?? defaultPolicy),
    off: !active ? 'inactive' : policy?.paused ? 'paused' : null,
    latest: latest === null ? null : Math.max(latest, last_missed?.to ?? -Infinity),
    first_run_at: now,
    paused_until: policy?.paused_until ?? null,
  }
}
