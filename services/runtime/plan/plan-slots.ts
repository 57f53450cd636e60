import { firstPassed, type Frequency, nextSlot, passedSlots, type Rhythm } from './rhythm.ts'

/** Why a slot made no run. superseded: a newer slot was due before it could start; late: it could not start in time. */
type MissReason = 'inactive' | 'paused' | 'superseded' | 'late'

/** Consecutive slots that made no run: all of the plan from `from` to `to`. */
type Missed = { from: number; to: number; slots: number; reason: MissReason }

/** With catch-up `none`, a slot that cannot start within this time is skipped: a restart takes less. */
export const lateStartMs = 300_000

/** What planning depends on. Times are ms since 1970. */
export type SourceSlots = {
  id: number
  /** Why the source does not run now; null: it does. */
  off: 'inactive' | 'paused' | null
  frequency: Frequency
  cron: string | null
  zone: string
  window: Rhythm['window']
  /** Planned runs start up to this much later than their slot, each by a share of its own. */
  jitter_ms: number
  /** What runs of the slots that have passed: the newest, each in turn, or none that is older than grace_ms. */
  catch_up: 'latest' | 'all' | 'none'
  grace_ms: number
  /** The newest slot that was started or missed; null: the source has never run by plan. */
  latest: number | null
  /** The first slot that was started: monthly slots keep its day. */
  earliest: number | null
  /** The newest row of scheduler.missed. */
  last_missed: Omit<Missed, 'slots'> | null
  /** Planned tasks that have not started yet, in any order. */
  waiting: readonly { task_id: number; slot: number }[]
  /** No first run before this time: the source has only just been registered. */
  first_run_at: number
}

/** The changes after which exactly the right slot waits and every skipped slot has a reason. */
export type SlotPlan = {
  create: number | null
  move: { task_id: number; slot: number } | null
  remove: number[]
  /** Where `from` is that of the newest row of scheduler.missed, it extends that row. */
  missed: Missed | null
}

/**
 * Keeps one slot waiting for each source that runs: the next one, or after an outage the one that the catch-up policy
 * selects, so that missed slots do not all run at once. A source that has never run gets its first slot at once. A
 * future slot follows the current plan; a slot that is already due runs even if the plan has changed. A source that is
 * off has no slot, and its slots that pass are missed.
 */
export function planSlots(source: SourceSlots, now: number): SlotPlan {
  const { off, latest } = source
  const rhythm = rhythmOf(source)
  const waiting = [...source.waiting].sort((a, b) => a.slot - b.slot)
  if (off !== null) {
    const passed = latest === null ? null : passedSlots(rhythm, latest, now)
    const missed = passed && missedOf(source, { ...passed, to: passed.newest, reason: off })
    return { create: null, move: null, remove: waiting.map(({ task_id }) => task_id), missed }
  }

  const kept = waiting.findLast(({ slot }) => slot <= now) ?? waiting[0]
  const remove = waiting.filter((one) => one !== kept).map(({ task_id }) => task_id)
  const { slot, missed } = latest === null ? firstSlot(source, rhythm, kept, now) : judgeSlots(source, latest, now)
  if (!kept) return { create: slot, move: null, remove, missed }

  const isOpen = kept.slot > (missed?.to ?? latest ?? -Infinity)
  const stays = kept.slot === slot || (kept.slot <= now && isOpen && (slot === null || slot > now))
  if (stays) return { create: null, move: null, remove, missed }
  if (slot === null) return { create: null, move: null, remove: [...remove, kept.task_id], missed }
  return { create: null, move: { task_id: kept.task_id, slot }, remove, missed }
}

/** `paused_until`: the end of its pause, if it has one. */
export type PreviewedSource = SourceSlots & { paused_until: number | null }

/** The slots of a source from now until `until`, `most` at most, provided that nothing changes and nothing fails. */
export function previewSlots(source: PreviewedSource, now: number, until: number, most = Infinity): number[] {
  const rhythm = rhythmOf(source)
  const slots: number[] = []
  let slot = firstOf(source, rhythm, now)
  while (slot !== null && slot <= until && slots.length < most) {
    slots.push(slot)
    slot = nextSlot(rhythm, slot)
  }
  return slots
}

function firstOf(source: PreviewedSource, rhythm: Rhythm, now: number): number | null {
  if (source.off !== null) {
    if (source.off === 'inactive' || source.paused_until === null) return null
    const { latest, paused_until } = source
    if (latest === null) return paused_until
    return nextSlot(rhythm, passedSlots(rhythm, latest, paused_until)?.newest ?? latest)
  }
  const { create, move, remove } = planSlots(source, now)
  const kept = source.waiting.find(({ task_id }) => !remove.includes(task_id))
  return create ?? move?.slot ?? kept?.slot ?? (source.latest === null ? source.first_run_at : null)
}

/** Whether a plan changes anything. */
export function changesSlots({ create, move, remove, missed }: SlotPlan): boolean {
  return create !== null || move !== null || remove.length > 0 || missed !== null
}

export function rhythmOf({ frequency, cron, zone, window, earliest }: SourceSlots): Rhythm {
  return { frequency, cron, zone, window, day: new Date(earliest ?? 0).getUTCDate() }
}

type Judged = { slot: number | null; missed: Missed | null }

/** A first run that had to wait for more than one period starts now and begins the rhythm anew. */
function firstSlot(
  { first_run_at }: SourceSlots,
  rhythm: Rhythm,
  kept: { slot: number } | undefined,
  now: number,
): Judged {
  if (!kept) return { slot: first_run_at <= now ? now : null, missed: null }
  const second = nextSlot(rhythm, kept.slot)
  return { slot: second !== null && second <= now ? now : kept.slot, missed: null }
}

/** The slot that should wait, and the slots before it that are missed. */
function judgeSlots(source: SourceSlots, latest: number, now: number): Judged {
  const rhythm = rhythmOf(source)
  if (source.catch_up === 'all')
    return { slot: firstPassed(rhythm, latest, now) ?? nextSlot(rhythm, latest), missed: null }
  const passed = passedSlots(rhythm, latest, now)
  if (!passed) return { slot: nextSlot(rhythm, latest), missed: null }
  const { first, newest, before, slots } = passed
  if (source.catch_up === 'none' && newest + source.jitter_ms + source.grace_ms < now)
    return {
      slot: nextSlot(rhythm, newest),
      missed: missedOf(source, { first, to: newest, slots, reason: 'late' }),
    }
  if (before === null) return { slot: newest, missed: null }
  return { slot: newest, missed: missedOf(source, { first, to: before, slots: slots - 1, reason: 'superseded' }) }
}

/** Slots missed for the same reason as those directly before them are counted with them. */
function missedOf(
  { latest, last_missed }: SourceSlots,
  { first, to, slots, reason }: { first: number; to: number; slots: number; reason: MissReason },
): Missed {
  const goesOn = last_missed !== null && last_missed.reason === reason && last_missed.to === latest
  return { from: goesOn ? last_missed.from : first, to, slots, reason }
}
