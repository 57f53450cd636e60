import fc from 'fast-check'
import { expect, test } from 'vitest'
import { planHistory } from './plan-history.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

const factsOf = (published: Record<string, string>, latest: string) => ({
  name: 'left',
  latest,
  dependencies: 0,
  deprecated: false,
  published,
})
const now = new Date('2026-11-24T12:00:00Z')
const isoOf = (dates: Date[]) => dates.map((date) => date.toISOString())

test('snapshots lie a month apart and end just before the newest real change', () => {
  const facts = factsOf({ '1.1.0': '2026-10-09T12:56:54.000Z', '1.0.0': '2020-01-01T00:00:00.000Z' }, '1.1.0')
  expect(isoOf(planHistory(facts, now, 3))).toEqual([
    '2026-08-09T12:56:53.000Z',
    '2026-09-09T12:56:53.000Z',
    '2026-10-09T12:56:53.000Z',
  ])
  expect(planHistory(facts, now, 12)).toHaveLength(12)
  expect(planHistory(facts, now, 0)).toEqual([])
})

test('a change of the last hours leaves the last snapshot old enough to be history, at one time all day', () => {
  const facts = factsOf({ '1.1.0': '2026-11-24T11:00:00Z', '1.0.0': '2020-01-01T00:00:00Z' }, '1.1.0')
  expect(isoOf(planHistory(facts, now, 1))).toEqual(['2026-11-23T00:00:00.000Z'])
  for (const later of ['2026-11-24T12:00:00.001Z', '2026-11-24T23:59:59Z'])
    expect(planHistory(facts, new Date(later), 12)).toEqual(planHistory(facts, now, 12))
})

test('there is no history before the first release', () => {
  expect(planHistory(factsOf({ '1.0.0': '2026-10-09T00:00:00Z' }, '1.0.0'), now, 12)).toEqual([])
  const young = factsOf({ '1.1.0': '2026-10-09T00:00:00Z', '1.0.0': '2026-08-20T00:00:00Z' }, '1.1.0')
  expect(planHistory(young, now, 12)).toHaveLength(2)
})

test('the last day of a month stays in its month', () => {
  const facts = factsOf({ '1.1.0': '2026-03-31T00:00:01Z', '1.0.0': '2020-01-01T00:00:00Z' }, '1.1.0')
  expect(isoOf(planHistory(facts, now, 3)).map((iso) => iso.slice(0, 10))).toEqual([
    '2026-01-31',
    '2026-02-28',
    '2026-03-31',
  ])
})

test('snapshots are in order, distinct, and all history', () => {
  const date = fc.date({ min: new Date('2015-01-01'), max: new Date('2030-01-01'), noInvalidDate: true })
  fc.assert(
    fc.property(date, date, fc.nat(36), (change, at, months) => {
      const facts = factsOf({ '2.0.0': change.toISOString(), '1.0.0': '2010-01-01T00:00:00Z' }, '2.0.0')
      const times = planHistory(facts, at, months).map((date) => date.getTime())
      expect(times).toEqual([...new Set(times)].sort((a, b) => a - b))
      expect(times).toHaveLength(months)
      for (const time of times) {
        expect(time).toBeLessThan(change.getTime())
        expect(at.getTime() - time).toBeGreaterThan(24 * 60 * 60 * 1000)
      }
    }),
  )
})
