import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nextCronSlot } from './cron.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

const minute = 60_000
const day = 1440 * minute
const time = (text: string) => Date.parse(`${text}Z`)

/** A UTC time and what the clocks of a zone show then, as if it were UTC. */
type Shown = { at: number; wall: number }

const walks = new Map<string, Shown[]>()

/** Each UTC minute of some days, with the time that the clocks of a zone show. */
function walk(zone: string, from: number, days: number): Shown[] {
  const key = `${zone} ${from} ${days}`
  const known = walks.get(key)
  if (known) return known
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' })
  const shown = Array.from({ length: days * 1440 }, (_, index) => {
    const at = from + index * minute
    return { at, wall: Date.parse(`${format.format(at).replace(' ', 'T')}Z`) }
  })
  walks.set(key, shown)
  return shown
}

/** The values that a field of a pattern names: lists of `*`, numbers and ranges, with steps. */
function valuesOf(field: string, from: number, to: number): Set<number> {
  const values = new Set<number>()
  for (const part of field.split(',')) {
    const [range = '', step = '1'] = part.split('/')
    const [first, last] = range === '*' ? [from, to] : range.split('-').map(Number)
    for (let value = first ?? from; value <= (last ?? first ?? to); value += Number(step)) values.add(value)
  }
  return values
}

/** The slots of a pattern by what the README promises, minute by minute. */
function expectedSlots(pattern: string, shown: readonly Shown[]): number[] {
  const [m = '', h = '', dom = '', mon = '', dow = ''] = pattern.split(' ')
  const [minutes, hours] = [valuesOf(m, 0, 59), valuesOf(h, 0, 23)]
  const [days, months, weekdays] = [valuesOf(dom, 1, 31), valuesOf(mon, 1, 12), valuesOf(dow, 0, 6)]
  const matches = (wall: number) => {
    const date = new Date(wall)
    return (
      minutes.has(date.getUTCMinutes()) &&
      hours.has(date.getUTCHours()) &&
      days.has(date.getUTCDate()) &&
      months.has(date.getUTCMonth() + 1) &&
      weekdays.has(date.getUTCDay())
    )
  }
  if (hours.size === 24) return shown.filter(({ wall }) => matches(wall)).map(({ at }) => at)
  const slots: number[] = []
  let reached = (shown[0]?.wall ?? 0) - minute
  for (const { at, wall } of shown) {
    let isSlot = false
    // More than one minute where clocks are put forward, none where they show what they have shown before.
    for (; reached < wall; reached += minute) isSlot ||= matches(reached + minute)
    if (isSlot) slots.push(at)
  }
  return slots
}

function slotsOf(pattern: string, zone: string, after: number, to: number): number[] {
  const slots: number[] = []
  for (let at = nextCronSlot(pattern, zone, after); at !== null && at < to; at = nextCronSlot(pattern, zone, at))
    slots.push(at)
  return slots
}

// The days around a change of clocks, or an ordinary one.
const changes: [zone: string, day: string][] = [
  ['UTC', '2026-03-29'],
  ['Asia/Kathmandu', '2026-03-29'],
  ['Europe/Berlin', '2026-03-29'],
  ['Europe/Berlin', '2026-10-25'],
  ['America/New_York', '2026-03-08'],
  ['America/New_York', '2026-11-01'],
  // By half an hour.
  ['Australia/Lord_Howe', '2026-10-04'],
  ['Australia/Lord_Howe', '2026-04-05'],
  // By two hours.
  ['Antarctica/Troll', '2026-03-29'],
  ['Antarctica/Troll', '2026-10-25'],
  // At midnight, forward to 1:00 and back to 23:00 or 0:00.
  ['Asia/Beirut', '2026-03-29'],
  ['Asia/Beirut', '2026-10-25'],
  ['America/Havana', '2026-03-08'],
  ['America/Havana', '2026-11-01'],
  ['Africa/Casablanca', '2026-02-15'],
  ['Africa/Casablanca', '2026-03-22'],
  ['Pacific/Chatham', '2026-09-27'],
  ['Pacific/Chatham', '2026-04-05'],
  // A whole day is left out.
  ['Pacific/Apia', '2011-12-30'],
]

const around = (change: string) => ({ from: time(`${change}T00:00`) - 2 * day, days: 5 })

function compare(pattern: string, zone: string, change: string): void {
  const { from, days } = around(change)
  const to = from + days * day
  const expected = expectedSlots(pattern, walk(zone, from, days))
  expect(slotsOf(pattern, zone, from - 1, to), `${pattern} in ${zone} around ${change}`).toEqual(expected)
}

const berlin = (pattern: string, date: string) =>
  slotsOf(pattern, 'Europe/Berlin', time(`${date}T00:00`) - 2 * 60 * minute, time(`${date}T22:00`))

test('times that are skipped run at the end of the gap, together', () => {
  expect(berlin('*/15 2 * * *', '2026-03-29')).toEqual([time('2026-03-29T01:00')])
  expect(berlin('30 2 * * *', '2026-03-29')).toEqual([time('2026-03-29T01:00')])
})

test('times that occur twice run the first time', () => {
  const hour = time('2026-10-25T00:00')
  expect(berlin('*/15 2 * * *', '2026-10-25')).toEqual([0, 15, 30, 45].map((minutes) => hour + minutes * minute))
})

test.each(['30 * * * *', '0 */1 * * *', '15 0-23 * * *'])('hourly patterns run 23 and 25 times: %s', (pattern) => {
  const local = (from: string, to: string) => slotsOf(pattern, 'Europe/Berlin', time(from) - 1, time(to))
  expect(local('2026-03-28T23:00', '2026-03-29T22:00')).toHaveLength(23)
  expect(local('2026-10-24T22:00', '2026-10-25T23:00')).toHaveLength(25)
})

const patterns = ['0 * * * *', '*/15 2 * * *', '*/15 * * * *', '30 2 * * *', '* 0-3 * * *', '0 */2 * * *', '* * * * *']

test.each(changes)('the slots in %s around %s are those of a walk over all minutes', (zone, change) => {
  for (const pattern of [...patterns, '*/20 1-3 * * *', '15 0 * * *', '45 23 * * *', '59 1,2 * * *', '5 * * * 0'])
    compare(pattern, zone, change)
})

const number = (min: number, max: number) => fc.integer({ min, max })
const field = (from: number, to: number) =>
  fc.oneof(
    fc.constant('*'),
    number(2, 20).map((step) => `*/${step}`),
    number(from, to).map(String),
    fc.tuple(number(from, to), number(from, to)).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
    fc.tuple(number(from, to), number(from, to)).map((list) => list.join(',')),
  )
const anyPattern = fc
  .tuple(
    field(0, 59),
    fc.oneof(field(0, 23), field(0, 4)),
    fc.constantFrom('*', '8', '25-29', '*/2'),
    fc.constantFrom('*', '*', '0'),
  )
  // A pattern with a day of the month and one of the week matches either.
  .map(([minutes, hours, date, weekday]) => `${minutes} ${hours} ${date} * ${date === '*' ? weekday : '*'}`)

test('any pattern in any zone has the slots of a walk over all minutes', () => {
  fc.assert(
    fc.property(anyPattern, fc.constantFrom(...changes), (pattern, [zone, change]) => compare(pattern, zone, change)),
    { numRuns: 300 },
  )
})

test('a pattern of few days finds the hour that comes twice, and its next year', () => {
  const pattern = '15 * 25 10 *'
  const second = nextCronSlot(pattern, 'Europe/Berlin', time('2026-10-25T00:30'))
  expect(second).toBe(time('2026-10-25T01:15'))
  expect(nextCronSlot(pattern, 'Europe/Berlin', time('2026-10-25T22:30'))).toBe(time('2027-10-24T22:15'))
})

test('what is remembered is what a walk finds, in whatever order it is asked for', () => {
  const question = fc.record({
    change: fc.constantFrom(...changes),
    pattern: fc.constantFrom(...patterns),
    minutes: fc.integer({ min: 0, max: 3 * 1440 }),
    // Most ask for the slots that follow.
    steps: fc.integer({ min: 0, max: 5 }),
  })
  fc.assert(
    fc.property(fc.array(question, { minLength: 1, maxLength: 20 }), (questions) => {
      for (const {
        change: [zone, change],
        pattern,
        minutes,
        steps,
      } of questions) {
        const { from, days } = around(change)
        const slots = expectedSlots(pattern, walk(zone, from, days))
        for (let [at, step] = [from + minutes * minute, 0]; step <= steps; step++) {
          const expected = slots.find((slot) => slot > at)
          if (expected === undefined) break
          expect(nextCronSlot(pattern, zone, at)).toBe(expected)
          at = expected
        }
      }
    }),
    { numRuns: 60 },
  )
})
