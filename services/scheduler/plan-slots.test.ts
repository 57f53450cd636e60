import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  nextStartInMs,
  type OpenTask,
  pickDue,
  planSlots,
  previewSlots,
  rhythmOf,
  shareOf,
  type SlotPlan,
  type SourceSlots,
  type SourceTasks,
} from './plan-slots.ts'
import { needsWork, type PlannedSource, idleUntil } from './idle-until.ts'
import { type Frequency, nextSlot, passedSlots, type Rhythm } from './rhythm.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

const at = (text: string) => Date.parse(`${text}Z`)
const now = at('2026-03-10T12:00')
const source: SourceSlots = {
  id: 1,
  off: null,
  frequency: 'DAILY',
  cron: null,
  zone: 'UTC',
  window: null,
  jitter_ms: 0,
  catch_up: 'latest',
  grace_ms: 300_000,
  latest: null,
  earliest: null,
  last_missed: null,
  waiting: [],
  first_run_at: 0,
}
const nothing: SlotPlan = { create: null, move: null, remove: [], missed: null }

/** The newest slot that has passed, else the next one. */
function slotAfter(rhythm: Rhythm, latest: number, now: number): number | null {
  return passedSlots(rhythm, latest, now)?.newest ?? nextSlot(rhythm, latest)
}

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
    expect(slotAfter({ ...rhythmOf(source), frequency, day: 31 }, at(latest), at(asked))).toBe(at(expected))
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
    const next = ran.latest + 24 * 3_600_000
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
    expect(plan).toEqual({
      create: null,
      move: { task_id: 3, slot: now },
      remove: [1, 2],
      missed: { from: at('2026-03-10T01:00'), to: at('2026-03-10T11:00'), slots: 11, reason: 'superseded' },
    })
  })

  test('slots planned further ahead than the next are taken back', () => {
    const waiting = [13, 14, 15].map((hour) => ({ task_id: hour, slot: at(`2026-03-10T${hour}:00`) }))
    const plan = planSlots({ ...source, frequency: 'HOURLY', latest: now, waiting }, now)
    expect(plan).toEqual({ ...nothing, remove: [14, 15] })
  })

  test('an inactive source has no slot', () => {
    const waiting = [now - 1, now + 1].map((slot, task_id) => ({ task_id, slot }))
    expect(planSlots({ ...source, off: 'inactive', waiting }, now)).toEqual({ ...nothing, remove: [0, 1] })
    expect(planSlots({ ...source, off: 'inactive' }, now)).toEqual(nothing)
  })
})

describe('a source that is off', () => {
  const daily = { ...source, latest: at('2026-03-07T10:00') }
  const missed = { from: at('2026-03-08T10:00'), to: at('2026-03-10T10:00'), slots: 3, reason: 'paused' } as const

  test('misses what passes, and runs again with the next slot', () => {
    expect(planSlots({ ...daily, off: 'paused' }, now)).toEqual({ ...nothing, missed })
    const after = { ...daily, latest: missed.to, last_missed: missed }
    expect(planSlots({ ...after, off: 'paused' }, now)).toEqual(nothing)
    expect(planSlots(after, now)).toEqual({ ...nothing, create: at('2026-03-11T10:00') })
  })

  test('makes one row longer for as long as the reason is the same', () => {
    const next = at('2026-03-11T10:00')
    const plan = (off: 'paused' | 'inactive') =>
      planSlots({ ...daily, latest: missed.to, last_missed: missed, off }, next).missed
    expect(plan('paused')).toEqual({ from: missed.from, to: next, slots: 1, reason: 'paused' })
    expect(plan('inactive')).toEqual({ from: next, to: next, slots: 1, reason: 'inactive' })
  })
})

describe('what has passed', () => {
  const hourly = { ...source, frequency: 'HOURLY', latest: at('2026-03-10T07:00') } as const
  const waiting = [{ task_id: 7, slot: at('2026-03-10T08:00') }]

  test('all: is run in turn, from the oldest', () => {
    expect(planSlots({ ...hourly, catch_up: 'all', waiting }, now)).toEqual(nothing)
    expect(planSlots({ ...hourly, catch_up: 'all' }, now)).toEqual({ ...nothing, create: at('2026-03-10T08:00') })
  })

  test('none: is given up when it could not start in time', () => {
    const plan = planSlots({ ...hourly, catch_up: 'none', waiting }, now + 400_000)
    expect(plan).toEqual({
      ...nothing,
      move: { task_id: 7, slot: at('2026-03-10T13:00') },
      missed: { from: at('2026-03-10T08:00'), to: now, slots: 5, reason: 'late' },
    })
  })

  test('none: the newest is run while it is in time', () => {
    const plan = planSlots({ ...hourly, catch_up: 'none', waiting }, now + 200_000)
    expect(plan.move).toEqual({ task_id: 7, slot: now })
    expect(plan.missed).toEqual({
      from: at('2026-03-10T08:00'),
      to: at('2026-03-10T11:00'),
      slots: 4,
      reason: 'superseded',
    })
  })

  test('is counted for a year back, by cron for a month, and no more', () => {
    const old = { ...source, latest: at('2001-01-01T00:00') }
    expect(planSlots({ ...old, frequency: 'HOURLY' }, now).missed?.slots).toBe(366 * 24 - 1)
    const minutely = { ...old, cron: '* * * * *', catch_up: 'all' } as const
    expect(planSlots(minutely, now).create).toBe(now - 31 * 24 * 3_600_000 + 60_000)
  })
})

describe('a cron pattern', () => {
  const plan = (latest: string, asked: string, more: Partial<SourceSlots>) =>
    planSlots({ ...source, latest: at(latest), ...more }, at(asked)).create

  test('takes the place of the frequency, in its zone', () => {
    const more = { cron: '30 8 * * 1-5', zone: 'America/New_York' }
    // A Friday; then Monday after clocks were put forward on Sunday.
    expect(plan('2026-03-06T13:30', '2026-03-06T14:00', more)).toBe(at('2026-03-09T12:30'))
  })

  test('runs a first time at once, as any source', () => {
    expect(planSlots({ ...source, cron: '0 0 1 1 *' }, now)).toEqual({ ...nothing, create: now })
  })

  test('that names no more times plans nothing', () => {
    expect(planSlots({ ...source, cron: '0 0 30 2 *', latest: now }, now)).toEqual(nothing)
  })

  test('of which many slots have passed runs once', () => {
    const { create, missed } = planSlots({ ...source, cron: '*/10 * * * *', latest: at('2026-03-10T10:00') }, now)
    expect(create).toBe(now)
    expect(missed).toMatchObject({ slots: 11, to: at('2026-03-10T11:50') })
  })
})

describe('on the days on which clocks are set', () => {
  function runs(cron: string, zone: string, from: string, to: string): string[] {
    const slots: string[] = []
    for (let slot = nextSlot({ ...rhythmOf(source), cron, zone }, at(from)); slot !== null && slot < at(to);) {
      slots.push(new Date(slot).toISOString().slice(5, 16))
      slot = nextSlot({ ...rhythmOf(source), cron, zone }, slot)
    }
    return slots
  }

  test('an hour that is left out runs at its end', () => {
    expect(runs('30 2 * * *', 'Europe/Berlin', '2026-03-27T12:00', '2026-03-30T12:00')).toEqual([
      '03-28T01:30',
      '03-29T01:00',
      '03-30T00:30',
    ])
    expect(runs('15 2 * * *', 'America/New_York', '2026-03-07T00:00', '2026-03-09T12:00')).toEqual([
      '03-07T07:15',
      '03-08T07:00',
      '03-09T06:15',
    ])
  })

  test('an hour that comes twice runs once', () => {
    expect(runs('30 2 * * *', 'Europe/Berlin', '2026-10-24T00:00', '2026-10-26T12:00')).toEqual([
      '10-24T00:30',
      '10-25T00:30',
      '10-26T01:30',
    ])
  })

  test('what runs each hour runs 23 and 25 times', () => {
    expect(runs('0 * * * *', 'Europe/Berlin', '2026-03-28T22:59', '2026-03-29T22:00')).toHaveLength(23)
    expect(runs('0 * * * *', 'Europe/Berlin', '2026-10-24T21:59', '2026-10-25T23:00')).toHaveLength(25)
  })

  test.each<Frequency>(['HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY'])('%s is no other than on any day', (frequency) => {
    const berlin = { ...rhythmOf(source), frequency, zone: 'Europe/Berlin', day: 29 }
    const from = at('2026-03-29T01:30')
    expect(nextSlot(berlin, from)).toBe(nextSlot({ ...berlin, zone: 'UTC' }, from))
  })
})

describe('a window', () => {
  const berlin = { zone: 'Europe/Berlin', window: { from: 8 * 60, to: 18 * 60, zone: 'Europe/Berlin' } }
  const next = (cron: string | null, after: string, more: Partial<SourceSlots> = berlin) =>
    nextSlot(rhythmOf({ ...source, frequency: 'HOURLY', cron, ...more }), at(after))

  test('moves what falls outside to its opening, once', () => {
    expect(next(null, '2026-01-10T15:30')).toBe(at('2026-01-10T16:30'))
    expect(next(null, '2026-01-10T16:30')).toBe(at('2026-01-11T07:00'))
    expect(next('30 * * * *', '2026-01-10T16:30')).toBe(at('2026-01-11T07:00'))
    expect(next('30 * * * *', '2026-01-11T07:00')).toBe(at('2026-01-11T07:30'))
  })

  test('opens by the clock on the wall', () => {
    expect(next('0 3 * * *', '2026-03-28T12:00')).toBe(at('2026-03-29T06:00'))
    expect(next('0 3 * * *', '2026-10-24T12:00')).toBe(at('2026-10-25T07:00'))
  })

  test('may pass midnight', () => {
    const night = { zone: 'UTC', window: { from: 22 * 60, to: 6 * 60, zone: 'UTC' } }
    expect(next('0 12 * * *', '2026-01-10T00:00', night)).toBe(at('2026-01-10T22:00'))
    expect(next('0 5 * * *', '2026-01-10T00:00', night)).toBe(at('2026-01-10T05:00'))
  })
})

const idle: SourceTasks = {
  id: 1,
  off: null,
  window: null,
  jitter_ms: 0,
  first_run_at: 0,
  tasks: [],
  may_overlap: false,
  breaker_open_until: null,
  paused_until: null,
}
const waits: OpenTask = { task_id: 1, slot: now - 1000, status: 'PENDING', regular: true, attempts: 0, retry_at: null }
const runs: OpenTask = { ...waits, task_id: 9, status: 'PROCESSING', attempts: 1 }
const window = { from: 13 * 60, to: 14 * 60, zone: 'UTC' }

describe('the task to be started', () => {
  test.each<[string, Partial<SourceTasks>, number | null]>([
    ['is the one that is due', { tasks: [waits] }, 1],
    ['is the first of them', { tasks: [waits, { ...waits, task_id: 2, slot: now - 2000 }] }, 2],
    [
      'is the planned one of those of one moment',
      {
        tasks: [
          { ...waits, task_id: 2 },
          { ...waits, regular: false },
        ],
      },
      2,
    ],
    ['is none before its time', { tasks: [{ ...waits, slot: now + 1 }] }, null],
    ['is none while another runs', { tasks: [waits, runs] }, null],
    ['may overlap where that is allowed', { tasks: [waits, runs], may_overlap: true }, 1],
    ['is none of a source that is off', { tasks: [waits], off: 'paused' }, null],
    ['is none while its module rests', { tasks: [waits], breaker_open_until: now + 1 }, null],
    ['is one when the module has rested', { tasks: [waits], breaker_open_until: now }, 1],
    [
      'is not tried again before its back-off has passed',
      { tasks: [{ ...waits, attempts: 1, retry_at: now + 1 }] },
      null,
    ],
    ['waits for its window', { tasks: [waits], window }, null],
    ['waits for it at its second attempt, too', { tasks: [{ ...waits, attempts: 1, retry_at: now }], window }, null],
    ['by hand waits for no window', { tasks: [{ ...waits, regular: false }], window }, 1],
    ['waits for its share of the jitter', { tasks: [waits], jitter_ms: 1e9 }, null],
    ['by hand waits for no jitter', { tasks: [{ ...waits, regular: false }], jitter_ms: 1e9 }, 1],
  ])('%s', (_, state, expected) => {
    expect(pickDue({ ...idle, ...state }, now)?.task_id ?? null).toBe(expected)
  })

  test('the jitter spreads sources, and is the same each time it is asked', () => {
    const shares = Array.from({ length: 1000 }, (_, id) => shareOf(id, now))
    expect(shares).toEqual(Array.from({ length: 1000 }, (_, id) => shareOf(id, now)))
    for (let tenth = 0; tenth < 10; tenth++)
      expect(shares.filter((share) => Math.floor(share * 10) === tenth).length).toBeGreaterThan(60)
    expect(Math.max(...shares)).toBeLessThan(1)
  })
})

test('the next start is the first of what is to come', () => {
  const one = { ...idle, now }
  const ahead = (ms: number) => ({ ...one, tasks: [{ ...waits, slot: now + ms }] })
  expect(nextStartInMs([])).toBeNull()
  expect(nextStartInMs([one, ahead(-100)])).toBeNull()
  expect(nextStartInMs([ahead(500), { ...one, first_run_at: now + 400 }, one])).toBe(400)
  expect(nextStartInMs([{ ...ahead(100), off: 'inactive' }, ahead(500)])).toBe(500)
  expect(nextStartInMs([{ ...ahead(100), off: 'paused', paused_until: now + 300 }, ahead(500)])).toBe(300)
  expect(nextStartInMs([{ ...one, breaker_open_until: now + 200 }])).toBe(200)
  expect(nextStartInMs([{ ...one, tasks: [waits], window }])).toBe(3_600_000)
})

describe('a preview', () => {
  const [day, inAWeek] = [24 * 3_600_000, now + 7 * 24 * 3_600_000]
  const preview = (more: Partial<SourceSlots> & { paused_until?: number }) =>
    previewSlots({ ...source, paused_until: null, ...more }, now, inAWeek)

  test('begins with what waits, and follows the plan', () => {
    const waiting = [{ task_id: 1, slot: now + 1000 }]
    const ran = { latest: now + 1000 - day, waiting }
    expect(preview(ran)).toEqual([0, 1, 2, 3, 4, 5, 6].map((n) => now + 1000 + n * day))
    expect(preview({ latest: now + 1000 - day })).toEqual(preview(ran))
    expect(preview({ ...ran, cron: '0 12 * * 1' })).toEqual([at('2026-03-16T12:00')])
  })

  test('of a source that never ran begins when it may', () => {
    expect(preview({})[0]).toBe(now)
    expect(preview({ first_run_at: now + 5 })[0]).toBe(now + 5)
  })

  test('is empty while a source is off, and goes on after its pause', () => {
    expect(preview({ off: 'inactive', latest: now })).toEqual([])
    expect(preview({ off: 'paused', latest: now })).toEqual([])
    expect(preview({ off: 'paused', latest: now - day / 2, paused_until: now + 6 * day })).toEqual([
      now + 6 * day + day / 2,
    ])
  })
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
  const { missed } = plan
  const latest = missed ? missed.to : source.latest
  return { ...source, waiting: [...waiting, ...created], latest, last_missed: missed ?? source.last_missed }
}

describe('at any time, in any state', () => {
  const states = fc.record({
    off: fc.constantFrom(null, null, 'inactive', 'paused'),
    catch_up: fc.constantFrom('latest', 'all', 'none'),
    cron: fc.constantFrom(null, null, '0 4 * * *', '0 */3 * * 1'),
    window: fc.constantFrom(null, null, { from: 480, to: 1080, zone: 'Europe/Berlin' }),
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
      fc.property(states, times, (drawn, now) => {
        const state: SourceSlots = { ...source, ...drawn }
        const planned = apply(state, planSlots(state, now))
        expect(planned.waiting.length).toBeLessThanOrEqual(state.off === null ? 1 : 0)
        expect(planSlots(planned, now)).toEqual(nothing)
      }),
    )
  })

  test('a source rests until there is something to do, and no longer', () => {
    const span = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    let rested = 0
    fc.assert(
      fc.property(states, times, span, fc.option(times), (drawn, now, share, paused_until) => {
        const state = { ...source, ...drawn }
        const planned = apply(state, planSlots(state, now))
        const tasks = planned.waiting.map((one): OpenTask => ({ ...waits, ...one }))
        const resting: PlannedSource = { ...idle, ...planned, tasks, foreign: [], paused_until }
        const until = idleUntil(resting, now)
        if (until === null) return
        rested++
        expect(needsWork(resting, Math.min(until - 1, now + Math.floor(share * (until - now))))).toBe(false)
        if (until < Infinity && until !== paused_until && !planned.window) expect(needsWork(resting, until)).toBe(true)
      }),
      { numRuns: 1000 },
    )
    expect(rested).toBeGreaterThan(300)
  })

  test('the next slot lies on the grid: the newest that has passed, else the one to come', () => {
    fc.assert(
      fc.property(frequencies, times, times, (frequency, latest, now) => {
        const rhythm = { ...rhythmOf(source), frequency, day: new Date(latest).getUTCDate() }
        const slot = slotAfter(rhythm, latest, now) ?? NaN
        expect(slot).toBeGreaterThan(latest)
        if (slot <= now) expect(nextSlot(rhythm, slot)).toBeGreaterThan(now)
        else expect(slot).toBe(nextSlot(rhythm, latest))
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
