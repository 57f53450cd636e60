import { Cron } from 'croner'

/**
 * A pattern in a zone with the slots found so far. A clock time that the zone skips runs at the end of the gap; one
 * that occurs twice runs the first time. Patterns with every hour or minute follow the hours that really pass.
 */
type Clock = {
  cron: Cron
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
  // Croner needs some 50 µs for a slot, and all sources of a pattern ask for the same ones.
  if (after >= clock.from && after < last) return clock.slots[firstAfter(clock.slots, after)] as number
  const slot = clock.cron.nextRun(new Date(after))?.getTime() ?? null
  if (slot === null) return null
  if (after === last && clock.slots.length < maxSlots) clock.slots.push(slot)
  else if (after < clock.from && slot === clock.slots[0]) clock.from = after
  else Object.assign(clock, { from: after, slots: [slot] })
  return slot
}

/** What is wrong with a pattern or a zone, for the operator; null: nothing. */
export function cronProblem(pattern: string, zone: string): string | null {
  try {
    if (!/^(\S+ +){4}\S+$/.test(pattern.trim())) return 'give minute, hour, day of month, month and day of week'
    const first = createCron(pattern, zone).nextRun()
    return first ? null : 'it never matches a date'
  } catch (error) {
    return (error as Error).message
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
    cronProblem(pattern, zone) === null ? { cron: createCron(pattern, zone), from: Infinity, slots: [] } : null
  clocks.set(key, clock)
  return clock
}

function createCron(pattern: string, zone: string): Cron {
  return new Cron(pattern.trim(), { timezone: zone, mode: '5-part', paused: true })
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
