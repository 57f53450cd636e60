import { expect, test } from 'vitest'
import type { ObservedValue } from '#schemas/generated/types.ts'
import { insightRule } from '../detect/defaults.ts'
import { percentRule, type Rule } from '../rules/compile-rules.ts'
import { mergeAlike } from './merge-alike.ts'
import { mergeFirings, type ValueFound } from './merge-firings.ts'

const own: Rule = { ...percentRule({ id: 'rule/1', version: 1, name: 'growth' }, 5), severity: 'info' }

/** A rise of a number of an item, with the score of the detectors. */
function rise(path: string, item_key: string | null, score: number, rule = insightRule, by = 10): ValueFound {
  const name = path.split('.').at(-1)!
  const id = [...path].reduce((sum, letter) => 31 * sum + letter.charCodeAt(0), 0) % 1e6
  const value: ObservedValue = {
    ...{ seq: 0, source_measurement_id: id, company_measurement_id: id, measurement_name: name, type: 'int', path },
    ...{ item_key, item_label: item_key, number: 100 + by, text: null, date: null, members: null },
  }
  const [before, now] = [100, 100 + by].map((number) => ({ kind: 'number' as const, number }))
  return {
    firing: {
      ...{ kind: 'threshold', rule, before: before!, now: now!, percent: by, window: null, since: 0 },
      ...{ flapping: false, held: false, signal: { kind: 'spike', score, reason: 'largest rise in 3 months' } },
    },
    ...{ value, silent: false, also: { rules: [], measurements: [] } },
  }
}
const merge = (...found: ValueFound[]) => mergeAlike(found, () => null)

test('numbers of one item that rise are told together, the most unusual speaks', () => {
  const told = merge(rise('repos[].stars', 'a', 0.4), rise('repos[].forks', 'a', 0.6))
  expect(told.map(({ value, also }) => [value.path, also.measurements])).toEqual([['repos[].forks', ['stars']]])
})

test('items of two lists with one key are two things', () => {
  expect(merge(rise('repos[].stars', 'a', 0.4), rise('packages[].downloads', 'a', 0.6))).toHaveLength(2)
})

test('the rules that a person wrote are named by the news item into which theirs went', () => {
  const first = { ...rise('repos[].stars', 'a', 0.4), also: { rules: ['growth'], measurements: [] } }
  expect(merge(first, rise('repos[].forks', 'a', 0.6))[0]!.also.rules).toEqual(['growth'])
})

test('our own default is no rule to be named', () => {
  const found = [rise('repos[].stars', 'a', 0.4, { ...own, severity: 'critical' }), rise('repos[].forks', 'a', 0.6)]
  const [told] = mergeFirings(found)
  expect(told!.firing.rule!.id).toBe('rule/1')
  expect(told!.also).toEqual({ rules: [], measurements: ['forks'] })
})
