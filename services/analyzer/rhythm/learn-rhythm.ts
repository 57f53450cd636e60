import { minuteMs } from '#runtime/text/time.ts'

/**
 * How often a feed brings a payload. `step`: usual time between two, in ms. `tolerance`: how much later than that one may
 * come before it is overdue.
 */
export type Rhythm = { step: number; tolerance: number }

/** With fewer gaps between payloads there is no rhythm. */
const fewestGaps = 4
/** Older gaps do not count. */
const newestGaps = 26
const leastTolerance = { share: 0.02, ms: 10 * minuteMs }

/** `times`: observed times of the payloads, in order. Null: not known yet. */
export function learnRhythm(times: readonly number[]): Rhythm | null {
  const newest = times.slice(-newestGaps - 1)
  const gaps = newest.slice(1).map((time, index) => time - newest[index]!)
  const sorted = gaps.filter((gap) => gap > 0).sort((a, b) => a - b)
  // Repeated crawls are short gaps, missing crawls long ones: the mean leaves out the longest tenth.
  const most = sorted.slice(0, Math.ceil(sorted.length * 0.9))
  const mean = most.reduce((sum, gap) => sum + gap / most.length, 0)
  const whole = sorted.filter((gap) => gap > mean / 2)
  if (whole.length < fewestGaps) return null
  const step = whole[whole.length >> 1]!
  const long = whole[Math.floor((whole.length - 1) * 0.9)]!
  return { step, tolerance: Math.round(Math.max(1.5 * (long - step), leastTolerance.share * step, leastTolerance.ms)) }
}

/**
 * When a source should have brought its next payload. `since`: observed time of its newest one. `at`: one step after that
 * or, if it came later, after it came. It is overdue from `overdueAt` on, and worth a warning from `warnAt` on.
 */
export type Expected = { since: number; step: number; at: number; warnAt: number; overdueAt: number }

/** The newest payload of a feed, and its rhythm. `at`: observed time. `cameAt`: when it came; null: unknown. */
type Arrival = { at: number; cameAt: number | null; live: boolean; rhythm: Rhythm | null }

const warningShare = 0.8

/** Null: no rhythm is known, it is too irregular, or what came last is history. */
export function expectPayload(feeds: readonly Arrival[]): Expected | null {
  const newest = feeds.reduce<Arrival | null>((a, b) => (a && a.at >= b.at ? a : b), null)
  const rhythms = feeds.flatMap(({ rhythm }) => rhythm ?? [])
  if (!newest?.live || rhythms.length === 0) return null
  const step = middle(rhythms.map((rhythm) => rhythm.step))
  const tolerance = middle(rhythms.map((rhythm) => rhythm.tolerance))
  if (tolerance > step) return null
  const came = feeds.filter(({ at }) => at === newest.at).map(({ at, cameAt }) => cameAt ?? at)
  const at = Math.max(newest.at, ...came) + step
  return { since: newest.at, step, at, warnAt: at + Math.round(warningShare * tolerance), overdueAt: at + tolerance }
}

function middle(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!
}
