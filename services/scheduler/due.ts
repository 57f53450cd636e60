export type Frequency = 'HOURLY' | 'DAILY' | 'WEEKLY' | 'MONTHLY'

/** What planning needs to know of a source. Times are ms since 1970. */
export type SourceSlots = {
  is_active: boolean
  frequency: Frequency
  /** The newest slot that has been started; null: the source never ran by plan. */
  latest: number | null
  /** The earliest slot that has been started: monthly slots keep to its day. */
  earliest: number | null
  /** Planned slots that nobody has started yet, in any order. */
  waiting: readonly { task_id: number; slot: number }[]
  /** Not before this time: the source was only just registered. */
  first_run_at: number
}

/** What must change so that exactly the right slot waits. Empty when it already does. */
export type SlotPlan = { create: number | null; move: { task_id: number; slot: number } | null; remove: number[] }

const hour = 3_600_000
const periods = { HOURLY: hour, DAILY: 24 * hour, WEEKLY: 7 * 24 * hour }

/**
 * Keeps one slot waiting for each active source: the next one, or after an outage the newest missed one, so that missed
 * slots make one run and no storm. A source that never ran gets its first slot at once. A slot in the future follows the
 * frequency of now; one that is due already is run whatever the frequency has become. Inactive sources have none.
 */
export function planSlots(source: SourceSlots, now: number): SlotPlan {
  const { is_active, frequency, latest } = source
  const rhythm = { frequency, day: new Date(source.earliest ?? 0).getUTCDate() }
  const waiting = [...source.waiting].sort((a, b) => a.slot - b.slot)
  if (!is_active) return { create: null, move: null, remove: waiting.map(({ task_id }) => task_id) }

  const kept = waiting.findLast(({ slot }) => slot <= now) ?? waiting[0]
  const remove = waiting.filter((one) => one !== kept).map(({ task_id }) => task_id)
  if (!kept)
    return { create: latest === null ? firstSlot(source, now) : nextSlot(rhythm, latest, now), move: null, remove }

  // A first run that had to wait for more than a period begins the rhythm anew.
  const first = wholePeriods(rhythm, kept.slot, now) < 1 ? kept.slot : now
  const slot = latest === null ? first : nextSlot(rhythm, latest, now)
  const stays = slot === kept.slot || (kept.slot <= now && slot > now)
  return { create: null, move: stays ? null : { task_id: kept.task_id, slot }, remove }
}

/** Whether there is anything to do in a plan. */
export function changesSlots({ create, move, remove }: SlotPlan): boolean {
  return create !== null || move !== null || remove.length > 0
}

/** Ms until the first of the active sources has something to start, of what is known now; null: nothing is to come. */
export function nextStartInMs(
  sources: readonly { is_active: boolean; next_at: number | null; first_run_at: number; now: number }[],
): number | null {
  const active = sources.filter(({ is_active }) => is_active)
  const waits = active.flatMap(({ next_at, first_run_at, now }) => [(next_at ?? 0) - now, first_run_at - now])
  return waits.reduce<number | null>((least, ms) => (ms > 0 && ms < (least ?? Infinity) ? ms : least), null)
}

/** `day`: of the month, on which monthly slots lie wherever there is such a day. */
export type Rhythm = { frequency: Frequency; day: number }

/** The slot that follows `latest`; when more than one has passed since, the newest of them. Counted in UTC. */
export function nextSlot(rhythm: Rhythm, latest: number, now: number): number {
  return addPeriods(rhythm, latest, Math.max(1, wholePeriods(rhythm, latest, now)))
}

function firstSlot({ first_run_at }: SourceSlots, now: number): number | null {
  return first_run_at <= now ? now : null
}

/** How many periods after `from` have passed at `now`. */
function wholePeriods(rhythm: Rhythm, from: number, now: number): number {
  if (rhythm.frequency !== 'MONTHLY') return Math.floor((now - from) / periods[rhythm.frequency])
  const [start, end] = [new Date(from), new Date(now)]
  const months = (end.getUTCFullYear() - start.getUTCFullYear()) * 12 + end.getUTCMonth() - start.getUTCMonth()
  return addPeriods(rhythm, from, months) <= now ? months : months - 1
}

/** A month after the 31st is the last day of a shorter month, and the month after that the 31st again. */
function addPeriods({ frequency, day }: Rhythm, from: number, n: number): number {
  if (frequency !== 'MONTHLY') return from + n * periods[frequency]
  const date = new Date(from)
  const [year, month, own] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()]
  const wanted = own === daysIn(year, month) ? Math.max(own, day) : own
  return date.setUTCFullYear(year, month + n, Math.min(wanted, daysIn(year, month + n)))
}

function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(year, month + 1, 0)).getUTCDate()
}
