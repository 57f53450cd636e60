import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Value } from '../values/value.ts'
import type { Evidence, Past } from './evidence.ts'
import { importanceOf, models, severityByImportance, soundParts } from './models.ts'
import { compileMeanings } from './polarity.ts'

const meaningOf = compileMeanings([])
const never: Past = { series: 0, company: 0, others: 0 }
const number = (value: number): Value => ({ kind: 'number', number: value })
const text = (value: string): Value => ({ kind: 'text', text: value })

function changeOf(
  name: string,
  before: Value,
  now: Value,
  more: Partial<Evidence> & { isTotal?: boolean; isTurn?: boolean } = {},
): Evidence {
  const { isTotal = false, isTurn = false, ...rest } = more
  const change = { before, now, percent: null, isCount: true, isTotal, isTurn }
  const kind = before.kind === 'number' ? 'threshold' : 'changed'
  return {
    kind,
    meaning: meaningOf(name),
    score: kind === 'threshold' ? 0.8 : null,
    change,
    items: null,
    past: never,
    ...rest,
  }
}

function itemsOf(kind: 'appeared' | 'gone', items: Partial<Evidence['items']>, past = never): Evidence {
  const whole = { count: 1, numbers: [], ageDays: null, ...items }
  return { kind, meaning: meaningOf('repos', 'items'), score: null, change: null, items: whole, past }
}
const stars = (count: number) => [{ number: count, meaning: meaningOf('stars') }]

const weigh = (evidence: Evidence) => importanceOf(models.default(evidence))

describe('the default model', () => {
  test.each<[string, Evidence]>([
    ['stars that rose by half', changeOf('stars', number(10_000), number(14_818))],
    ['followers that halved', changeOf('followers', number(4000), number(2000))],
    ['a deprecation', changeOf('description', text('A player'), text('Deprecated'), { isTurn: true })],
    ['a rename', changeOf('company name', text('Old Name'), text('New Name'))],
    ['another CEO', changeOf('ceo', text('Ann'), text('Bob'))],
    ['a large new item', itemsOf('appeared', { numbers: stars(4000), ageDays: 9 })],
    [
      'a funding round',
      {
        ...itemsOf('appeared', { numbers: [{ number: 12e6, meaning: meaningOf('raised amount') }] }),
        meaning: meaningOf('funding_rounds', 'items'),
      },
    ],
  ])('%s is a warning', (_what, evidence) => expect(severityByImportance(weigh(evidence))).toBe('warning'))

  test.each<[string, Evidence]>([
    [
      'a total that a cut list moves',
      changeOf('total stars', number(100_000), number(10_000), { isTotal: true, score: 0.99 }),
    ],
    ['a small count', changeOf('stars', number(3), number(30), { score: 0.99 })],
    ['a small count that is gone', changeOf('open issues', number(40), number(0), { score: 0.99 })],
    ['many items at once', itemsOf('appeared', { count: 40 })],
    ['many items that are gone', itemsOf('gone', { count: 40 })],
    ['an old item that is new in the list', itemsOf('appeared', { numbers: stars(40_000), ageDays: 1500 })],
    ['a small new item', itemsOf('appeared', { numbers: stars(3), ageDays: 2 })],
    ['a language', changeOf('primary language', text('C'), text('Go'))],
    [
      'what happens all the time',
      changeOf('stars', number(10_000), number(14_818), { past: { series: 8, company: 20, others: 5 } }),
    ],
  ])('%s is not', (_what, evidence) => expect(severityByImportance(weigh(evidence))).toBe('info'))

  test('what is surer, larger, rarer, for the worse, or means more is more important', () => {
    const base = changeOf('stars', number(1000), number(1100), { score: 0.5 })
    const orders: [Evidence, Evidence][] = [
      [base, { ...base, score: 0.9 }],
      [base, changeOf('stars', number(1000), number(1300), { score: 0.5 })],
      [base, changeOf('stars', number(100_000), number(110_000), { score: 0.5 })],
      [{ ...base, past: { series: 1, company: 0, others: 0 } }, base],
      [{ ...base, past: { series: 0, company: 3, others: 0 } }, base],
      [{ ...base, past: { series: 0, company: 0, others: 3 } }, base],
      [base, changeOf('stars', number(1100), number(1000), { score: 0.5 })],
      [changeOf('repository size', number(1000), number(1100), { score: 0.5 }), base],
    ]
    for (const [less, more] of orders) expect(weigh(less)).toBeLessThan(weigh(more))
  })
})

const someNumber = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(0, -0, 1e308, -1e308))
const value = fc.oneof(
  someNumber.map(number),
  fc.string().map(text),
  fc.boolean().map((bool): Value => ({ kind: 'bool', bool })),
  fc.integer().map((date): Value => ({ kind: 'date', date })),
  fc.array(fc.string()).map((members): Value => ({ kind: 'set', members })),
)
const unit = fc.double({ min: 0, max: 1, noNaN: true })
const meaning = fc.record({
  polarity: fc.constantFrom('good' as const, 'bad' as const, 'neither' as const),
  weight: unit,
})
const flag = fc.boolean()
const evidence: fc.Arbitrary<Evidence> = fc
  .record({
    kind: fc.constantFrom('threshold' as const, 'changed' as const, 'appeared' as const, 'gone' as const),
    ...{ meaning, score: fc.option(unit) },
    change: fc.record({
      before: value,
      now: value,
      percent: fc.option(fc.double()),
      isCount: flag,
      isTotal: flag,
      isTurn: flag,
    }),
    items: fc.record({
      count: fc.integer({ min: 1, max: 1e6 }),
      numbers: fc.array(fc.record({ number: fc.double({ noNaN: true }), meaning })),
      ageDays: fc.option(fc.double({ min: 0, noNaN: true })),
    }),
    past: fc.record({ series: fc.nat(500), company: fc.nat(500), others: fc.nat(500) }),
  })
  .map(({ change, items, ...rest }) => {
    return rest.kind === 'appeared' || rest.kind === 'gone'
      ? { ...rest, items, change: null }
      : { ...rest, change, items: null }
  })

test.each(Object.entries(models))('the model %s gives parts from 0 to 1, the same for the same', (_name, model) => {
  fc.assert(
    fc.property(evidence, (one) => {
      const parts = model(one)
      for (const part of Object.values(parts)) expect(part >= 0 && part <= 1).toBe(true)
      expect(model(structuredClone(one))).toEqual(parts)
      expect(importanceOf(parts)).toBeCloseTo(parts.score * parts.size * parts.polarity * parts.rarity)
    }),
    { seed: 11, numRuns: 2000 },
  )
})

test('what a model gets wrong counts as nothing, or as all', () => {
  const wrong = { score: NaN, size: 7, polarity: -1, rarity: 0.5 }
  expect(soundParts(wrong)).toEqual({ score: 0, size: 1, polarity: 0, rarity: 0.5 })
})

test('the example weighs by percent alone', () => {
  const half = { ...changeOf('stars', number(100), number(150)) }
  expect(importanceOf(models['by-size']({ ...half, change: { ...half.change!, percent: 50 } }))).toBe(0.5)
  expect(importanceOf(models['by-size'](itemsOf('gone', {})))).toBe(0.5)
})
