import { expect, test } from 'vitest'
import type { Payload } from '../values/payload.ts'
import type { SeriesState } from '../values/series-state.ts'
import { emptyState } from '../signals/state.ts'
import { findCleanUps, isSmallFall } from './find-clean-ups.ts'

const counter = Array.from({ length: 20 }, (_, i) => 981 + i)
const level = Array.from({ length: 20 }, (_, i) => 1000 + 5 * (i % 2))

/** Items whose last number is 1000, with what it is now. */
function find(numbers: number[], past = counter) {
  const values = numbers.map((number, at) => ({ item_key: `i${at}`, number, company_measurement_id: 7 }))
  const state = { last: { kind: 'number', number: 1000 }, signal: { ...emptyState(), values: past } }
  const states = new Map(values.map(({ item_key }) => [`7\0\0${item_key}`, state as unknown as SeriesState]))
  return [...findCleanUps({ subject_key: '', values } as unknown as Payload, states)]
}

test.each<[string, number[], number[]]>([
  ['most fall a little', [990, 980, 970, 1001], [7]],
  ['fewer than most fall', [990, 980, 1001, 1002], []],
  ['all fall much', [800, 700, 900], []],
  ['one of them falls much', [990, 985, 500], [7]],
  ['two are too few', [990, 980], []],
  ['all grow', [1010, 1020, 1030], []],
])('%s: which measurements were cleaned up', (_, numbers, expected) => expect(find(numbers)).toEqual(expected))

test('a level that falls everywhere is no clean-up', () => expect(find([990, 980, 970], level)).toEqual([]))

test('what falls much is told also in a clean-up', () => {
  const to = (number: number) => isSmallFall({ kind: 'number', number: 1000 }, { kind: 'number', number })
  expect([to(950), to(900), to(1001), to(1000)]).toEqual([true, false, false, false])
})
