import { describe, expect, test } from 'vitest'
import { type Clocks, giveTime } from './observed-clock.ts'

const pair = { company_id: '1', data_source_id: 2 }
const minute = 60_000

/** The times that payloads get which are received at these times, one after another. */
function timesOf(received: readonly (number | { received_at: number; observed_at: number })[], toleranceMs = minute) {
  const clock = { observed: 0, received: 0, subjects: [], knowsMore: false, isOld: false }
  const clocks: Clocks = { pairs: [pair], toleranceMs, of: () => clock }
  return received.map((one) =>
    giveTime(clocks, { ...pair, ...(typeof one === 'number' ? { received_at: one, observed_at: null } : one) }),
  )
}

describe('a payload without a time of its own', () => {
  test.each([
    ['is observed when it was received', [1000, 5000], [1000, 5000]],
    ['is 1 ms after the last one that was received with it or after it', [5000, 5000, 1000], [5000, 5001, 5002]],
    ['is in order up to the tolerance', [90_000, 30_000], [90_000, 90_001]],
    ['is late beyond it', [90_001, 30_000, 90_002], [90_001, 30_000, 90_002]],
    [
      'is late for each one after the newest, whatever came between',
      [1e9, 1000, 2000, 1e9 + 1],
      [1e9, 1000, 2000, 1e9 + 1],
    ],
    [
      'is compared with the time of receipt of the last one, not with its observed time',
      [{ received_at: 9e6, observed_at: 9e6 + 5 * minute }, 9e6 + 1000],
      [9e6 + 5 * minute, 9e6 + 5 * minute + 1],
    ],
    [
      'is late after one with an old time of its own, too',
      [{ received_at: 9e6, observed_at: 1000 }, 9e6 - minute - 1],
      [1000, 9e6 - minute - 1],
    ],
  ])('%s', (_, received, times) => {
    expect(timesOf(received)).toEqual(times)
  })

  test('is never late without a tolerance that ends', () => {
    expect(timesOf([9e6, 1], Number.MAX_SAFE_INTEGER)).toEqual([9e6, 9e6 + 1])
  })
})
