import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { planSlots, previewSlots, type SourceSlots } from './plan-slots.ts'
import { apply, at, frequencies, nothing, now, source, states, times } from './sample-plan.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

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

test('in any state, a plan leaves one slot at most, and nothing to do', () => {
  fc.assert(
    fc.property(states, times, (drawn, now) => {
      const state: SourceSlots = { ...source, ...drawn }
      const planned = apply(state, planSlots(state, now))
      expect(planned.waiting.length).toBeLessThanOrEqual(state.off === null ? 1 : 0)
      expect(planSlots(planned, now)).toEqual(nothing)
    }),
  )
})

const hour = 3_600_000
const shortest = { HOURLY: hour, DAILY: 24 * hour, WEEKLY: 168 * hour, MONTHLY: 28 * 24 * hour }

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
