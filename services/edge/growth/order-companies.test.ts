import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Compared, Part } from './compare.ts'
import { orderCompanies, sorting } from './order-companies.ts'

const part = (companyId: number, value: number, percent: number | null, rank: number | null, seriesId = '1'): Part => ({
  ...{ companyId, seriesId, measurementId: 7, polarity: 'good', rank, of: 3 },
  newest: { at: 0, value },
  change: { days: 30, previous: null, change: null, percent, gap: null },
})
const grown = new Map<number, Compared>([
  [1, { momentum: 10, parts: [part(1, 5, 50, 1)] }],
  [2, { momentum: null, parts: [part(2, -1, null, null), part(2, 9, 10, 2, '2')] }],
  [3, { momentum: 90, parts: [part(3, 9, -4, 3)] }],
  [4, { momentum: null, parts: [] }],
])
const order = (sort: string, direction?: 'ascending' | 'descending') =>
  orderCompanies([1, 2, 3, 4], grown, { sort, direction }, null).map(({ id }) => id)

test.each([
  ['momentum', [3, 1, 2, 4]],
  ['value-7', [2, 3, 1, 4]],
  ['change-7', [1, 2, 3, 4]],
  ['rank-7', [1, 2, 3, 4]],
  ['value-8', [1, 2, 3, 4]],
])('by %s, those without one last', (sort, expected) => {
  expect(order(sort)).toEqual(expected)
})

test('those without a key come last in both directions', () => {
  expect(order('value-7', 'ascending')).toEqual([1, 2, 3, 4])
  expect(order('momentum', 'ascending')).toEqual([1, 3, 2, 4])
  expect(order('rank-7', 'descending')).toEqual([3, 2, 1, 4])
})

test('page by page is the same as at once', () => {
  const numbers = fc.array(fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }), { nil: null }), {
    maxLength: 12,
  })
  const direction = fc.constantFrom('ascending' as const, 'descending' as const)
  fc.assert(
    fc.property(numbers, direction, fc.integer({ min: 1, max: 5 }), (momenta, direction, limit) => {
      const compared = new Map(momenta.map((momentum, id) => [id, { momentum, parts: [] }]))
      const ids = [...compared.keys()]
      const asked = { sort: 'momentum', direction }
      const all = orderCompanies(ids, compared, asked, null)
      const paged: typeof all = []
      for (let after: (typeof all)[number] | undefined; ; after = paged.at(-1)) {
        const page = orderCompanies(ids, compared, asked, after?.place ?? null).slice(0, limit)
        if (page.length === 0) break
        paged.push(...page)
      }
      expect(paged).toEqual(all)
    }),
  )
})

test.each(['', 'price', 'value', 'value-0', 'rank-1234567890', 'name-1', 'value-1 '])('%j is no sorting', (sort) => {
  expect(sorting.safeParse(sort).success).toBe(false)
})
