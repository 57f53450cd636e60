import { dayMs, hourMs } from '../text/time.ts'
import { nextCronSlot } from './cron.ts'
import { type Window, whenOpen } from './window.ts'

export type Frequency = 'HOURLY' | 'DAILY' | 'WEEKLY' | 'MONTHLY'

const periods = { HOURLY: hourMs, DAILY: dayMs, WEEKLY: 7 * dayMs }

/** When a source should run: by its frequency, counted in UTC from the previous slot, or by a cron pattern instead. */
export type Rhythm = {
  frequency: Frequency
  /** The day of monthly slots, where the month has it. */
  day: number
  cron: string | null
  zone: string
  /** A slot outside the window moves to its opening. */
  window: Window | null
}

/** Slots that have passed: all but `newest` lie from `first` to `before`. */
export type Passed = { first: number; before: number | null; newest: number; slots: number }

/** The slot after `after`; null: there is none. */
export function nextSlot(rhythm: Rhythm, after: number): number | null {
  const { cron, zone, window } = rhythm
  const slot = cron === null ? addPeriods(rhythm, after, 1) : nextCronSlot(cron, zone, after)
  return slot === null ? null : whenOpen(window, slot)
}

/** How far back slots are counted, by frequency and by cron, so that planning is quick after any outage. */
const longestLookBack = { frequency: 366 * dayMs, cron: 31 * dayMs }

/** The first slot after `after` that is due at `now`; null: none is. */
export function firstPassed(rhythm: Rhythm, after: number, now: number): number | null {
  const first = nextSlot(rhythm, startOfCount(rhythm, after, now))
  return first !== null && first <= now ? first : null
}

/** All slots after `after` that are due at `now`; null: none is. */
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

/** How many periods have passed from `from` until `now`. */
function wholePeriods(rhythm: Rhythm, from: number, now: number): number {
  if (rhythm.frequency !== 'MONTHLY') return Math.floor((now - from) / periods[rhythm.frequency])
  const [start, end] = [new Date(from), new Date(now)]
  const months = (end.getUTCFullYear() - start.getUTCFullYear()) * 12 + end.getUTCMonth() - start.getUTCMonth()
  return addPeriods(rhythm, from, months) <= now ? months : months - 1
}

/** A month after the 31st is the last day of a shorter month, and a month later the 31st again. */
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
