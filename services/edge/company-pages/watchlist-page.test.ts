import fc from 'fast-check'
import { expect, test } from 'vitest'
import { watchlistMain } from './watchlist-page.ts'
import { type Watchlist, watchlistQuery, toCompaniesQuery } from './read-watchlist.ts'
import { findMarkupFaults } from '../../../test/harness/markup.ts'

const now = Date.UTC(2026, 10, 29)
const cell = {
  ...{ series_id: '17', value: 1234.5, observed_at: '2026-11-28T00:00:00.000Z', percent: 12.3, gap: null },
  ...{ rank: 2, of: 9, more: 0, spark: '<svg class="spark"></svg>' },
}
const column = { id: 5, name: 'stars', source: { id: 1, name: 'github' }, polarity: 'good', weight: 1 }
const view: Watchlist = {
  rows: [
    {
      ...{ id: 3, name: 'Acme', momentum: 66.7, cells: [cell] },
      freshness: { kind: 'late', observedAt: now - 3 * 86_400_000, late: 1, of: 2 },
    },
  ],
  ...{ columns: [column], companies: 1, isRanked: true, isUnsorted: false, next: null },
  ...{ buckets: [{ id: 8, name: 'Fund I' }], measurements: [{ id: 6, name: 'issues', source: 'github' }] },
}
const show = (query: Record<string, string>, changed: Partial<Watchlist> = {}, isPerson = true) =>
  watchlistMain({ query: watchlistQuery.parse(query), view: { ...view, ...changed }, now, isPerson }).toString()

test('a row has value, change, rank, momentum, freshness and a line', () => {
  const page = show({})
  expect(page).toContain('<a href="/console/companies/3"><bdi>Acme</bdi></a>')
  expect(page).toContain('</svg><a href="/console/series/17">1,234.5</a></td><td class="number">+12%</td>')
  expect(page).toContain('<td class="number">2 of 9</td>')
  expect(page).toContain('<td class="number">67</td>')
  expect(page).toMatch(
    /class="state late"><span aria-hidden="true">◐<\/span> late: 3 days ago<\/span> \(1 of 2 sources late\)/,
  )
})

test('every column sorts: first in its usual direction, then in the other', () => {
  expect(show({})).toContain('href="/console/watchlist?measurements=5&amp;sort=value-5"')
  const sorted = show({ sort: 'rank-5', measurements: '5' })
  expect(sorted).toMatch(/aria-sort="ascending"><a href="[^"]*sort=rank-5&amp;direction=descending"/)
  const back = show({ sort: 'rank-5', measurements: '5', direction: 'descending' })
  expect(back).toMatch(/aria-sort="descending"><a href="[^"]*sort=rank-5"/)
})

test('the choice of companies, days and measurements stays when it is sorted or paged', () => {
  const page = show({ of: '8', days: '90', measurements: '5' }, { next: 'abc', companies: 50 })
  expect(page).toContain('of=8&amp;measurements=5&amp;days=90&amp;cursor=abc')
  expect(page).toContain('1 of 50 companies')
  expect(page).toContain('format=csv')
})

test('who follows nobody is told what to do, and others what fits', () => {
  const none = { rows: [], columns: [], companies: 0 }
  expect(show({}, none)).toMatch(/You follow no company yet[\s\S]*href="\/console\/me">Choose companies/)
  expect(show({ q: 'x' }, none)).toContain('No company fits')
  expect(show({ of: '8' }, none)).toContain('Show all companies')
  expect(show({}, none, false)).toContain('No companies yet')
})

test('too many to rank, and companies without any number, are said', () => {
  const many = show({ sort: 'momentum' }, { isUnsorted: true, isRanked: false, companies: 10_000 })
  expect(many).toContain('These are 10,000 companies')
  expect(many).not.toContain('Momentum')
  expect(show({}, { columns: [] })).toContain('None of these companies has a number yet')
})

test('the newest choices fit; more than fit drop the first', () => {
  expect(toCompaniesQuery(watchlistQuery.parse({ measurements: '1,2,3,4', add: '5' }), 10).measurements).toBe('2,3,4,5')
  expect(toCompaniesQuery(watchlistQuery.parse({}), 10)).toMatchObject({ followed: 'true', measurements: undefined })
  expect(toCompaniesQuery(watchlistQuery.parse({ of: '7' }), 10)).toMatchObject({ bucket: 7, followed: undefined })
})

const odd = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '<script>alert(1)</script>',
    '"><img src=x onerror=y>',
    '</td></table>',
    '\u202eabc',
    'x'.repeat(10_000),
  ),
)
const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(1e15, 1e-9, -1, 0))

test('whatever names and numbers say, the markup stays ours', () => {
  fc.assert(
    fc.property(odd, odd, odd, number, number, (name, measurement, source, value, percent) => {
      const page = show(
        {},
        {
          columns: [{ ...column, name: measurement, source: { id: 1, name: source } }],
          rows: [{ ...view.rows[0]!, name, cells: [{ ...cell, value, percent }] }],
          ...{ buckets: [{ id: 1, name }], measurements: [{ id: 6, name: measurement, source }] },
        },
      )
      expect(findMarkupFaults(page)).toEqual([])
    }),
  )
})
