import { nextCronSlot } from './cron.ts'
import { type Window, whenOpen } from './window.ts'

export type Frequency = 'HOURLY' | 'DAILY' | 'WEEKLY' | 'MONTHLY'

const hour = 3_600_000
const periods = { HOURLY: hour, DAILY: 24 * hour, WEEKLY: 7 * 24 * hour }

/** When a source is to run. Frequencies count in UTC from the slot before; a cron pattern takes their place. */
export type Rhythm = {
  frequency: Frequency
  /** Of the month, on which monthly slots lie wherever there is such a day. */
  day: number
  cron: string | null
  zone: string
  /** What falls outside of it runs when it opens. */
  window: Window | null
}

/** Slots that have passed: all of them but `newest` lie from `first` to `before`. */
export type Passed = { first: number; before: number | null; newest: number; slots: number }

/** The slot that follows `after`; null: there is none. */
export function nextSlot(rhythm: Rhythm, after: number): number | null {
  const { cron, zone, window } = rhythm
  const slot = cron === null ? addPeriods(rhythm, after, 1) : nextCronSlot(cron, zone, after)
  return slot === null ? null : whenOpen(window, slot)
}

/** No further back than this are slots counted, by frequency and by cron: planning must end soon after any outage. */
const longestLookBack = { frequency: 366 * 24 * hour, cron: 31 * 24 * hour }

/** The first of the slots after `after` that are due at `now`; null: none is. */
export function firstPassed(rhythm: Rhythm, after: number, now: number): number | null {
  const first = nextSlot(rhythm, startOfCount(rhythm, after, now))
  return first !== null && first <= now ? first : null
}

/** All of them. */
export function passedSlots(rhythm: Rhythm, after: number, now: number): Passed | null {
  const first = firstPassed(rhythm, after, now)
  if (first === null) return null
  const passed: Passed = { first, before: null, newest: first, slots: 1 }
  for (;;) {
    const slot = nextSlot(rhythm, passed.newest)
    if (slot === null || slot > now) return passed
    Object.assign(passed, { before: passed.newest, newest: slot, slots: passed.slots + 1 })
  }
}

function startOfCount(rhythm: Rhythm, after: number, now: number): number {
  const isCron = rhythm.cron !== null
  const earliest = now - longestLookBack[isCron ? 'cron' : 'frequency']
  if (after >= earliest) return after
  return isCron ? earliest : addPeriods(rhythm, after, wholePeriods(rhythm, after, earliest))
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
