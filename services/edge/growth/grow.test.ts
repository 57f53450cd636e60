import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Grown, meanOfRanks, measureChange, type Polarity, rankGrowth } from './grow.ts'

const day = 86_400_000
const point = (value: number, days: number) => ({ at: days * day, value })

describe('measureChange', () => {
  test.each([
    ['a rise', point(150, 100), point(100, 70), { change: 50, percent: 50, gap: null }],
    ['a fall', point(50, 100), point(200, 70), { change: -150, percent: -75, gap: null }],
    ['from below zero', point(-50, 100), point(-100, 70), { change: 50, percent: 50, gap: null }],
    ['no change', point(7, 100), point(7, 70), { change: 0, percent: 0, gap: null }],
    ['no change of zero', point(0, 100), point(0, 70), { change: 0, percent: 0, gap: null }],
    ['from zero', point(5, 100), point(0, 70), { change: 5, percent: null, gap: 'from zero' }],
    ['as old as two windows', point(2, 100), point(1, 40), { change: 1, percent: 100, gap: null }],
    ['older', point(2, 100), point(1, 39), { previous: null, change: null, gap: 'earlier value too old' }],
    ['nothing earlier', point(2, 100), null, { previous: null, change: null, gap: 'no earlier value' }],
    ['a span no double holds', point(1e308, 100), point(-1e308, 70), { change: null, percent: null, gap: 'too large' }],
    ['a share no double holds', point(1e308, 100), point(1e-308, 70), { percent: null, gap: 'too large' }],
  ])('%s', (_, newest, previous, expected) => {
    expect(measureChange(30, newest, previous)).toMatchObject(expected)
  })

  test('a change is finite or has a reason', () => {
    const value = fc.double({ noNaN: true, noDefaultInfinity: true })
    fc.assert(
      fc.property(value, value, fc.integer({ min: 0, max: 100 }), (now, then, days) => {
        const { change, percent, gap } = measureChange(30, point(now, 100), point(then, days))
        if (gap === null) expect([change, percent].every((number) => Number.isFinite(number))).toBe(true)
        else expect(percent).toBe(null)
        if (percent !== null && change !== null)
          expect(Math.sign(percent) * Math.sign(change)).toBeGreaterThanOrEqual(0)
      }),
    )
  })
})

const grown = (companyId: number, percent: number | null, polarity: Polarity = 'good', at = 100): Grown => ({
  ...{ companyId, polarity, measurementId: 1, newest: { at: at * day, value: 1 } },
  change: { days: 30, previous: null, change: null, percent, gap: null },
})
const ranks = (series: Grown[]) => rankGrowth(series).map(({ companyId, rank, of }) => [companyId, rank, of])

describe('rankGrowth', () => {
  test('equal ones share a rank', () => {
    expect(ranks([grown(1, 5), grown(2, 9), grown(3, 5), grown(4, -1)])).toEqual([
      [1, 2, 4],
      [2, 1, 4],
      [3, 2, 4],
      [4, 4, 4],
    ])
  })

  test('less is better where more is bad', () => {
    expect(ranks([grown(1, 5, 'bad'), grown(2, -9, 'bad')])).toEqual([
      [1, 2, 2],
      [2, 1, 2],
    ])
  })

  test('what has no percentage or ended long ago is not ranked', () => {
    expect(ranks([grown(1, 5), grown(2, null), grown(3, 50, 'good', 69), grown(4, 4, 'good', 70)])).toEqual([
      [1, 1, 2],
      [2, null, 2],
      [3, null, 2],
      [4, 2, 2],
    ])
  })

  test('measurements are ranked apart', () => {
    const other = { ...grown(2, 1), measurementId: 2 }
    expect(ranks([grown(1, 5), other])).toEqual([
      [1, 1, 1],
      [2, 1, 1],
    ])
  })

  test('whoever grew more is never ranked behind, in whatever order they come', () => {
    const percents = fc.array(fc.option(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { nil: null }), {
      maxLength: 20,
    })
    fc.assert(
      fc.property(percents, fc.constantFrom<Polarity>('good', 'bad', 'neither'), (given, polarity) => {
        const ranked = rankGrowth(given.map((percent, index) => grown(index, percent, polarity)))
        const gain = (percent: number) => (polarity === 'bad' ? -percent : percent)
        for (const a of ranked)
          for (const b of ranked)
            if (a.change.percent !== null && b.change.percent !== null)
              expect(Math.sign(a.rank! - b.rank!) + 0).toBe(
                Math.sign(gain(b.change.percent) - gain(a.change.percent)) + 0,
              )
        const mirrored = rankGrowth(given.map((percent, index) => grown(index, percent, polarity)).toReversed())
        expect(mirrored.toReversed()).toEqual(ranked)
      }),
    )
  })
})

describe('meanOfRanks', () => {
  const part = (rank: number | null, of: number, polarity: Polarity = 'good') => ({ rank, of, polarity })
  test.each([
    ['first everywhere', [part(1, 5), part(1, 2, 'bad')], 100],
    ['last everywhere', [part(5, 5), part(2, 2)], 0],
    ['first and last', [part(1, 5), part(5, 5)], 50],
    ['neither good nor bad', [part(1, 5, 'neither')], null],
    ['alone', [part(1, 1)], null],
    ['not ranked', [part(null, 5), part(2, 3)], 50],
    ['nothing', [], null],
  ])('%s', (_, parts, expected) => {
    expect(meanOfRanks(parts)).toBe(expected)
  })
})
