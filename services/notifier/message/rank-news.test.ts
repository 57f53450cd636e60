import { expect, test } from 'vitest'
import { byImportance, type RankedNews } from './rank-news.ts'

const newsOf = (changes: Partial<RankedNews>): RankedNews => ({ severity: 'info', trigger_factor: null, ...changes })

test.each<[string, Partial<RankedNews>, Partial<RankedNews>]>([
  ['the more severe, however important', { severity: 'warning', importance: 0.1 }, { importance: 0.9 }],
  ['the more important, however large the change', { importance: 0.4 }, { importance: 0.3, trigger_factor: 900 }],
  ['the one with an importance', { importance: 0.1 }, { importance: null, trigger_factor: 900 }],
  [
    'the one of the company that more people follow',
    { importance: 0.4, followers: 12 },
    { importance: 0.4, followers: 1 },
  ],
  ['the far more important, whoever follows', { importance: 0.9, followers: 1 }, { importance: 0.3, followers: 300 }],
  ['the larger change', { importance: 0.4, trigger_factor: -80 }, { importance: 0.4, trigger_factor: 50 }],
  ['without an importance the larger change', { trigger_factor: -80 }, { trigger_factor: 50 }],
])('%s comes first', (_what, first, second) => {
  const both = [newsOf(first), newsOf(second)]
  expect(both.toReversed().sort(byImportance)).toEqual(both)
  expect(both.toSorted(byImportance)).toEqual(both)
})
