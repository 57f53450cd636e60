import { firstPassed, type Frequency, nextSlot, passedSlots, type Rhythm } from './rhythm.ts'
import { whenOpen } from './window.ts'

/** Why a slot made no run. superseded: a newer one was due before it could start; late: it could not start in time. */
export type MissReason = 'inactive' | 'paused' | 'superseded' | 'late'

/** Slots in a row, all of the plan from `from` to `to`, that made no run. */
export type Missed = { from: number; to: number; slots: number; reason: MissReason }

/** What planning needs to know of a source. Times are ms since 1970. */
export type SourceSlots = {
  id: number
  /** Why it does not run now; null: it does. */
  off: 'inactive' | 'paused' | null
  frequency: Frequency
  cron: string | null
  zone: string
  window: Rhythm['window']
  /** Planned runs start up to this much later than their slot, each by its own share. */
  jitter_ms: number
  /** What becomes of slots that have passed: the newest is run, each is run in turn, or none that is older than grace_ms. */
  catch_up: 'latest' | 'all' | 'none'
  grace_ms: number
  /** The newest slot that has been started or missed; null: the source never ran by plan. */
  latest: number | null
  /** The earliest slot that has been started: monthly slots keep to its day. */
  earliest: number | null
  /** The last row of missed slots. */
  last_missed: Omit<Missed, 'slots'> | null
  /** Planned slots that nobody has started yet, in any order. */
  waiting: readonly { task_id: number; slot: number }[]
  /** Not before this time: the source was only just registered. */
  first_run_at: number
}

/** What must change so that exactly the right slot waits, and none goes unexplained. */
export type SlotPlan = {
  create: number | null
  move: { task_id: number; slot: number } | null
  remove: number[]
  /** With the `from` of the last row it makes that row longer. */
  missed: Missed | null
}

/**
 * Keeps one slot waiting for each source that runs: the next one, or after an outage the one that the catch-up policy
 * names, so that missed slots make no storm. A source that never ran gets its first slot at once. A slot in the future
 * follows the plan of now; one that is due already is run whatever the plan has become. Sources that are off have none,
 * and what passes meanwhile is missed.
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

/** The slots of a source from now until `until`, as they would be started if nothing changes and nothing fails. */
export function previewSlots(
  source: SourceSlots & Pick<SourceTasks, 'paused_until'>,
  now: number,
  until: number,
): number[] {
  const rhythm = rhythmOf(source)
  const slots: number[] = []
  for (let slot = firstOf(source, rhythm, now); slot !== null && slot <= until; slot = nextSlot(rhythm, slot))
    slots.push(slot)
  return slots
}

function firstOf(source: SourceSlots & Pick<SourceTasks, 'paused_until'>, rhythm: Rhythm, now: number): number | null {
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

/** Whether there is anything to do in a plan. */
export function changesSlots({ create, move, remove, missed }: SlotPlan): boolean {
  return create !== null || move !== null || remove.length > 0 || missed !== null
}

export function rhythmOf({ frequency, cron, zone, window, earliest }: SourceSlots): Rhythm {
  return { frequency, cron, zone, window, day: new Date(earliest ?? 0).getUTCDate() }
}

type Judged = { slot: number | null; missed: Missed | null }

/** A first run that had to wait for more than a period begins the rhythm anew. */
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

/** The slot that is to wait, and what is given up before it. */
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

/** Slots missed for the reason of those right before them are counted with them. */
function missedOf(
  { latest, last_missed }: SourceSlots,
  { first, to, slots, reason }: { first: number; to: number; slots: number; reason: MissReason },
): Missed {
  const goesOn = last_missed !== null && last_missed.reason === reason && last_missed.to === latest
  return { from: goesOn ? last_missed.from : first, to, slots, reason }
}

/** A task that is not over. */
export type OpenTask = {
  task_id: number
  slot: number
  status: 'PENDING' | 'PROCESSING'
  /** Made by the plan, not by hand. */
  regular: boolean
  attempts: number
  /** Not tried again before this time. */
  retry_at: number | null
}

/** What decides whether a task of a source may start. */
export type SourceTasks = Pick<SourceSlots, 'id' | 'off' | 'window' | 'jitter_ms' | 'first_run_at'> & {
  tasks: readonly OpenTask[]
  /** Its runs may overlap. */
  may_overlap: boolean
  /** Its module is left in peace until then; null: it is well. */
  breaker_open_until: number | null
  /** The end of its pause, if that is known. */
  paused_until: number | null
}

/** The task to be started now: the first that is due. None while another is under way, or its module is left in peace. */
export function pickDue(source: SourceTasks, now: number): OpenTask | null {
  const { off, tasks, may_overlap, breaker_open_until } = source
  if (off !== null || (breaker_open_until ?? 0) > now) return null
  if (!may_overlap && tasks.some(({ status }) => status === 'PROCESSING')) return null
  const due = tasks.filter((task) => task.status === 'PENDING' && startsAt(source, task, now) <= now)
  // A planned one before one by hand of the same moment, whichever row was made first: it must not become superseded by it.
  return (
    due.sort((a, b) => a.slot - b.slot || Number(b.regular) - Number(a.regular) || a.task_id - b.task_id)[0] ?? null
  )
}

/** When a waiting task may start. Only what was planned keeps to jitter and window. */
function startsAt(source: SourceTasks, { slot, regular, attempts, retry_at }: OpenTask, now: number): number {
  const { id, jitter_ms, window } = source
  const delay = regular && attempts === 0 ? Math.floor(shareOf(id, slot) * jitter_ms) : 0
  const ready = Math.max(slot + delay, retry_at ?? 0)
  return regular ? whenOpen(window, Math.max(ready, window ? now : ready)) : ready
}

/** Ms until the first of the sources has something to start, of what is known now; null: nothing is to come. */
export function nextStartInMs(sources: readonly (SourceTasks & { now: number })[]): number | null {
  const waits = sources.flatMap((source) => {
    const { off, first_run_at, breaker_open_until, paused_until, tasks, now } = source
    if (off === 'inactive') return []
    if (off === 'paused') return [(paused_until ?? 0) - now]
    const starts = tasks.filter(({ status }) => status === 'PENDING').map((task) => startsAt(source, task, now))
    return [...starts, first_run_at, breaker_open_until ?? 0].map((at) => at - now)
  })
  return waits.reduce<number | null>((least, ms) => (ms > 0 && ms < (least ?? Infinity) ? ms : least), null)
}

/** A number in [0, 1) that is the same for the same slot of the same source: spread, and yet no surprise. */
export function shareOf(id: number, slot: number): number {
  // https://github.com/bryc/code/blob/master/jshash/PRNGs.md#mulberry32, on both numbers.
  let mix = (Math.imul(id, 0x9e3779b1) ^ Math.floor(slot / 1000)) | 0
  mix = Math.imul(mix ^ (mix >>> 15), mix | 1)
  mix ^= mix + Math.imul(mix ^ (mix >>> 7), mix | 61)
  return ((mix ^ (mix >>> 14)) >>> 0) / 2 ** 32
}
