import { describe, expect, test } from 'vitest'
import { findRefused, nextStartInMs, pickDue, shareOf, type SourceTasks } from './pick-due.ts'
import { now } from '#runtime/plan/sample-plan.ts'
import { idle, runs, waits, window } from './sample-source.ts'

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

test('of a source that is off, the tasks on demand that are due are refused', () => {
  const asked = { ...waits, regular: false }
  const tasks = [waits, asked, { ...asked, slot: now + 1 }, { ...asked, attempts: 1 }, { ...runs, regular: false }]
  expect(findRefused({ off: 'paused', tasks }, now)).toEqual([asked])
  expect(findRefused({ off: 'inactive', tasks }, now)).toEqual([asked])
  expect(findRefused({ off: null, tasks }, now)).toEqual([])
})
