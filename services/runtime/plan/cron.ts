import { Cron } from 'croner'
import { formatCount } from '../text/format.ts'
import { changeOfOffset, isZone, offsetAt, whenReached } from '../text/time-zone.ts'
import { dayMs, hourMs } from '../text/time.ts'
import { describeCronFault } from './describe-cron-fault.ts'

/**
 * A pattern in a zone with the slots found so far. A clock time that the zone skips runs at the end of the gap; one
 * that occurs twice runs the first time. Hourly patterns, which name all 24 hours, run whenever the clocks show a
 * matching time: a skipped one does not run, and one that occurs twice runs twice.
 */
type Clock = {
  /** The pattern in UTC. It is asked for clock times, written as if they were UTC. */
  cron: Cron
  hourly: boolean
  zone: string
  /** `slots` are all slots after this time, up to the last one that was asked for. */
  from: number
  slots: number[]
}

const clocks = new Map<string, Clock | null>()

/** Both only limit memory: dropped entries are computed again. */
const maxClocks = 20_000
const maxSlots = 10_000

/** The first slot of a pattern after `after`, in ms since 1970; null: there is none, or the pattern is invalid. */
export function nextCronSlot(pattern: string, zone: string, after: number): number | null {
  const clock = openClock(pattern, zone)
  if (!clock) return null
  const last = clock.slots.at(-1) ?? clock.from
  // A slot takes some 100 µs to find, and all sources of a pattern ask for the same ones.
  if (after >= clock.from && after < last) return clock.slots[firstAfter(clock.slots, after)] as number
  const slot = clock.hourly ? nextShown(clock, after) : nextReached(clock, after)
  if (slot === null) return null
  if (after === last && clock.slots.length < maxSlots) clock.slots.push(slot)
  else if (after < clock.from && slot === clock.slots[0]) clock.from = after
  else Object.assign(clock, { from: after, slots: [slot] })
  return slot
}

/** The first time after `after` at which the clocks first reach a matching time. */
function nextReached({ cron, zone }: Clock, after: number): number | null {
  for (let wall: number | null = after + offsetAt(zone, after); ;) {
    wall = nextMatch(cron, wall)
    if (wall === null) return null
    const at = whenReached(zone, wall)
    if (at > after) return at
  }
}

/** The first time after `after` at which the clocks show a matching time. */
function nextShown({ cron, zone }: Clock, after: number): number | null {
  let offset = offsetAt(zone, after)
  let wall = nextMatch(cron, after + offset)
  // Clocks change at most once within a day.
  for (let from = after; wall !== null;) {
    const at = wall - offset
    const to = Math.min(at, from + dayMs)
    if (offsetAt(zone, to) !== offset) {
      from = changeOfOffset(zone, from, to)
      if (at < from) return at
      offset = offsetAt(zone, from)
      wall = nextMatch(cron, from + offset - 1)
    } else if (to === at) return at
    else {
      // No time between matches, so that only changes near the next match matter.
      from = Math.max(to, wall - 2 * dayMs)
      offset = offsetAt(zone, from)
    }
  }
  return null
}

function nextMatch(cron: Cron, wall: number): number | null {
  return cron.nextRun(new Date(wall))?.getTime() ?? null
}

/** What is wrong with a pattern or a zone, for the operator; null: nothing. */
export function cronProblem(pattern: string, zone: string): string | null {
  try {
    const fields = pattern.trim().split(/ +/)
    if (fields.length !== 5 || /\s/.test(fields.join('')))
      return `it has ${formatCount(fields.length, 'field')}, not 5: minute, hour, day of month, month and day of week`
    if (!isZone(zone)) return `${zone} is not a time zone`
    const first = createCron(pattern).nextRun()
    return first ? null : 'it never matches a date'
  } catch (error) {
    return describeCronFault(pattern) ?? (error as Error).message
  }
}

/** Whether the pattern and the zone are valid. */
export function isCron(pattern: string, zone: string): boolean {
  return openClock(pattern, zone) !== null
}

function openClock(pattern: string, zone: string): Clock | null {
  const key = `${zone} ${pattern}`
  const known = clocks.get(key)
  if (known !== undefined) return known
  if (clocks.size >= maxClocks) clocks.clear()
  const clock =
    cronProblem(pattern, zone) === null
      ? { cron: createCron(pattern), hourly: isHourly(pattern), zone, from: Infinity, slots: [] }
      : null
  clocks.set(key, clock)
  return clock
}

function createCron(pattern: string): Cron {
  return new Cron(pattern.trim(), { timezone: 'UTC', mode: '5-part', paused: true })
}

function isHourly(pattern: string): boolean {
  const [, hours = ''] = pattern.trim().split(/ +/)
  return createCron(`0 ${hours} * * *`).nextRuns(25, new Date(0)).at(-1)?.getTime() === 25 * hourMs
}

function firstAfter(slots: readonly number[], after: number): number {
  let [low, high] = [0, slots.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((slots[middle] as number) > after) high = middle
    else low = middle + 1
  }
  return low
}
