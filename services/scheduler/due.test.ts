import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Frequency, nextSlot, nextStartInMs, planSlots, type SlotPlan, type SourceSlots } from './due.ts'

const at = (text: string) => Date.parse(`${text}Z`)
const now = at('2026-03-10T12:00')
const source = {
  is_active: true,
  frequency: 'DAILY',
  latest: null,
  earliest: null,
  waiting: [],
  first_run_at: 0,
} satisfies SourceSlots
const nothing: SlotPlan = { create: null, move: null, remove: [] }

describe('the slot after', () => {
  test.each<[Frequency, string, string, string]>([
    ['HOURLY', '2026-03-10T11:30', '2026-03-10T12:00', '2026-03-10T12:30'],
    ['DAILY', '2026-03-10T11:30', '2026-03-10T12:00', '2026-03-11T11:30'],
    ['WEEKLY', '2026-03-10T11:30', '2026-03-10T12:00', '2026-03-17T11:30'],
    ['MONTHLY', '2026-03-10T11:30', '2026-03-10T12:00', '2026-04-10T11:30'],
    // exactly one period later it is due
    ['HOURLY', '2026-03-10T11:00', '2026-03-10T12:00', '2026-03-10T12:00'],
    ['MONTHLY', '2026-02-10T12:00', '2026-03-10T12:00', '2026-03-10T12:00'],
    // missed ones: the newest
    ['HOURLY', '2026-03-10T06:10', '2026-03-10T12:00', '2026-03-10T11:10'],
    ['DAILY', '2026-03-01T11:00', '2026-03-10T12:00', '2026-03-10T11:00'],
    ['WEEKLY', '2026-01-06T12:00', '2026-03-10T11:59', '2026-03-03T12:00'],
    ['MONTHLY', '2025-11-20T12:00', '2026-03-10T12:00', '2026-02-20T12:00'],
    // short months, leap years, the turn of the year
    ['MONTHLY', '2026-01-31T08:00', '2026-02-01T00:00', '2026-02-28T08:00'],
    ['MONTHLY', '2028-01-31T08:00', '2028-02-01T00:00', '2028-02-29T08:00'],
    ['MONTHLY', '2025-12-31T08:00', '2026-01-01T00:00', '2026-01-31T08:00'],
    ['MONTHLY', '2026-01-31T08:00', '2026-04-30T09:00', '2026-04-30T08:00'],
    ['MONTHLY', '2026-02-28T08:00', '2026-03-01T00:00', '2026-03-31T08:00'],
    ['MONTHLY', '2026-02-27T08:00', '2026-03-01T00:00', '2026-03-27T08:00'],
    // days on which clocks are set in Europe are days like others in UTC
    ['DAILY', '2026-03-28T01:30', '2026-03-28T02:00', '2026-03-29T01:30'],
    ['DAILY', '2026-10-25T00:30', '2026-10-25T01:00', '2026-10-26T00:30'],
    // a clock that was set back does not bring slots back
    ['HOURLY', '2026-03-10T13:00', '2026-03-10T12:00', '2026-03-10T14:00'],
  ])('%s %s, asked at %s, is %s', (frequency, latest, asked, expected) => {
    expect(new Date(nextSlot({ frequency, day: 31 }, at(latest), at(asked)))).toEqual(new Date(at(expected)))
  })
})

describe('planning', () => {
  test('a source that never ran runs at once', () => {
    expect(planSlots(source, now)).toEqual({ ...nothing, create: now })
  })

  test('not while it is being registered', () => {
    expect(planSlots({ ...source, first_run_at: now + 1 }, now)).toEqual(nothing)
    expect(planSlots({ ...source, first_run_at: now }, now)).toEqual({ ...nothing, create: now })
  })

  test.each([now - 1000, now + 1000])('a first run at a chosen time stays there', (slot) => {
    expect(planSlots({ ...source, waiting: [{ task_id: 1, slot }] }, now)).toEqual(nothing)
  })

  test('a first run that had to wait for more than a period stands for the slots missed meanwhile', () => {
    const waiting = [{ task_id: 1, slot: at('2026-03-07T11:00') }]
    const plan = planSlots({ ...source, waiting }, now)
    expect(plan).toEqual({ ...nothing, move: { task_id: 1, slot: now } })
  })

  test('a source that ran gets its next slot, once', () => {
    const ran = { ...source, latest: now - 1000 }
    const next = nextSlot({ frequency: 'DAILY', day: 1 }, ran.latest, now)
    expect(planSlots(ran, now)).toEqual({ ...nothing, create: next })
    expect(planSlots({ ...ran, waiting: [{ task_id: 1, slot: next }] }, now)).toEqual(nothing)
  })

  test('another frequency moves the slot', () => {
    const monthly = {
      ...source,
      latest: at('2026-03-10T11:30'),
      waiting: [{ task_id: 7, slot: at('2026-04-10T11:30') }],
    }
    expect(planSlots({ ...monthly, frequency: 'HOURLY' }, now)).toEqual({
      ...nothing,
      move: { task_id: 7, slot: at('2026-03-10T12:30') },
    })
  })

  test('a slot that is due is not moved into the future', () => {
    const due = { ...source, latest: at('2026-03-10T10:30'), waiting: [{ task_id: 7, slot: at('2026-03-10T11:30') }] }
    expect(planSlots({ ...due, frequency: 'WEEKLY' }, now)).toEqual(nothing)
  })

  test('slots missed in an outage become one', () => {
    const waiting = [3, 1, 2].map((n) => ({ task_id: n, slot: at(`2026-03-10T0${n}:00`) }))
    const plan = planSlots({ ...source, frequency: 'HOURLY', latest: at('2026-03-10T00:00'), waiting }, now)
    expect(plan).toEqual({ create: null, move: { task_id: 3, slot: now }, remove: [1, 2] })
  })

  test('slots planned further ahead than the next are taken back', () => {
    const waiting = [13, 14, 15].map((hour) => ({ task_id: hour, slot: at(`2026-03-10T${hour}:00`) }))
    const plan = planSlots({ ...source, frequency: 'HOURLY', latest: now, waiting }, now)
    expect(plan).toEqual({ ...nothing, remove: [14, 15] })
  })

  test('an inactive source has no slot', () => {
    const waiting = [now - 1, now + 1].map((slot, task_id) => ({ task_id, slot }))
    expect(planSlots({ ...source, is_active: false, waiting }, now)).toEqual({ ...nothing, remove: [0, 1] })
    expect(planSlots({ ...source, is_active: false }, now)).toEqual(nothing)
  })
})

test('the next start is the first of what active sources have to come', () => {
  const one = { is_active: true, next_at: null, first_run_at: 0, now: 1000 }
  expect(nextStartInMs([])).toBeNull()
  expect(nextStartInMs([one, { ...one, next_at: 900 }])).toBeNull()
  expect(nextStartInMs([{ ...one, next_at: 1500 }, { ...one, first_run_at: 1400 }, one])).toBe(400)
  expect(
    nextStartInMs([
      { ...one, next_at: 1100, is_active: false },
      { ...one, next_at: 1500 },
    ]),
  ).toBe(500)
})

const frequencies = fc.constantFrom<Frequency>('HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY')
const hour = 3_600_000
const shortest = { HOURLY: hour, DAILY: 24 * hour, WEEKLY: 168 * hour, MONTHLY: 28 * 24 * hour }

/** What the database does with a plan. */
function apply(source: SourceSlots, plan: SlotPlan): SourceSlots {
  const waiting = source.waiting
    .filter(({ task_id }) => !plan.remove.includes(task_id))
    .map((one) => (one.task_id === plan.move?.task_id ? plan.move : one))
  const created =
    plan.create === null
      ? []
      : [{ task_id: Math.max(0, ...source.waiting.map((one) => one.task_id)) + 1, slot: plan.create }]
  return { ...source, waiting: [...waiting, ...created] }
}

describe('at any time, in any state', () => {
  const states = fc.record({
    is_active: fc.boolean(),
    frequency: frequencies,
    latest: fc.option(fc.integer({ min: 0, max: 4e12 })),
    earliest: fc.option(fc.integer({ min: 0, max: 4e12 })),
    waiting: fc
      .array(fc.integer({ min: 0, max: 4e12 }), { maxLength: 5 })
      .map((slots) => slots.map((slot, index) => ({ task_id: index + 1, slot }))),
    first_run_at: fc.integer({ min: 0, max: 4e12 }),
  })
  const times = fc.integer({ min: 0, max: 4e12 })

  test('a plan leaves one slot at most, and nothing to do', () => {
    fc.assert(
      fc.property(states, times, (state, now) => {
        const planned = apply(state, planSlots(state, now))
        expect(planned.waiting.length).toBeLessThanOrEqual(state.is_active ? 1 : 0)
        expect(planSlots(planned, now)).toEqual(nothing)
      }),
    )
  })

  test('the next slot lies on the grid: the newest that has passed, else the one to come', () => {
    fc.assert(
      fc.property(frequencies, times, times, (frequency, latest, now) => {
        const rhythm = { frequency, day: new Date(latest).getUTCDate() }
        const slot = nextSlot(rhythm, latest, now)
        expect(slot).toBeGreaterThan(latest)
        if (slot <= now) expect(nextSlot(rhythm, slot, slot)).toBeGreaterThan(now)
        else expect(slot).toBe(nextSlot(rhythm, latest, latest))
      }),
    )
  })
})

test('over a year of ticks and outages no slot runs twice, none early, and no outage is followed by a storm', () => {
  const gaps = fc.array(
    fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: 1, max: 3 * hour }) },
      fc.integer({ min: 1, max: 60 * 24 * hour }),
    ),
    {
      minLength: 1,
      maxLength: 200,
    },
  )
  fc.assert(
    fc.property(
      frequencies,
      gaps,
      fc.array(fc.boolean(), { minLength: 200, maxLength: 200 }),
      (frequency, gaps, busy) => {
        let state: SourceSlots = { ...source, frequency }
        let now = at('2026-01-31T10:00')
        const starts: { slot: number; at: number }[] = []
        for (const [round, gap] of gaps.entries()) {
          now += gap
          state = apply(state, planSlots(state, now))
          expect(state.waiting).toHaveLength(1)
          const slot = state.waiting[0]?.slot ?? NaN
          // A source that is busy starts nothing; its slot waits.
          if (slot > now || busy[round]) continue
          starts.push({ slot, at: now })
          state = { ...state, latest: slot, earliest: state.earliest ?? slot, waiting: [] }
        }
        for (const [index, start] of starts.entries()) {
          expect(start.slot).toBeLessThanOrEqual(start.at)
          const before = starts[index - 1]
          if (!before) continue
          expect(start.slot).toBeGreaterThanOrEqual(before.slot + shortest[frequency])
          expect(start.slot).toBeGreaterThan(before.at)
        }
      },
    ),
  )
})
