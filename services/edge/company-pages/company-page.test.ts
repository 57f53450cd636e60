import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findMarkupFaults, readMarkup } from '../../../test/harness/markup.ts'
import { createLog } from '#runtime/process/log.ts'
import { companyMain } from './company-page.ts'
import { openDraw } from './pictures.ts'
import type { CompanyView, News, SeriesRow } from './read-company-page.ts'
import { nameOf } from './words.ts'

const now = Date.UTC(2026, 10, 29)
const dayMs = 86_400_000
const iso = (daysAgo: number) => new Date(now - daysAgo * dayMs).toISOString()
const news: News = {
  ...{ news_id: 'n1', kind: 'changed', severity: 'warning', silent: false, title: 'Stars rose', message: 'By 48%.' },
  ...{ company: { id: 3, name: 'Acme' }, source: { id: 1, name: 'github' }, measurement: { id: 5, name: 'stars' } },
  ...{ series_id: '17', item: null, previous: '1', current: '2', trigger_factor: 48, importance: 0.9 },
  ...{ importance_parts: null, facts: {}, observed_at: iso(2), created_at: iso(2), event_id: 'e1' },
}
const series: SeriesRow = {
  ...{
    series_id: '17',
    company: { id: 3, name: 'Acme' },
    source: { id: 1, name: 'github' },
    subject: null,
    item: null,
    value: '1234',
    observed_at: iso(2),
  },
  measurement: { id: 5, name: 'stars', type: 'int' },
  detector: { state: 'insufficient history (12 of 20)', points: 12, kind: null, score: null, reason: null },
}
const change = { days: 30, previous: { at: now - 32 * dayMs, value: 1 }, change: 1, percent: 12, gap: null }
const view: CompanyView = {
  company: {
    ...{ id: 3, name: 'Acme', description: null },
    sources: [
      {
        id: 1,
        name: 'github',
        active: true,
        observed_at: iso(20),
        every_ms: 7 * dayMs,
        fed: 3,
        failed_runs: 2,
        reason: null,
      },
    ],
  },
  ...{ counts: new Map([[1, 1]]), news: [news] },
  ...{
    best: [news],
    moved: [{ ...news, kind: 'gone', title: 'arm-sdk is gone' }],
    listed: null,
    person: null,
    items: null,
  },
  ...{ from: now - 365 * dayMs, to: now },
  panels: [
    {
      ...{ seriesId: '17', title: 'stars', marks: [{ at: now - 2 * dayMs, text: 'Stars rose' }] },
      points: [1, 2, 3].map((value) => ({ at: now - (4 - value) * dayMs, value })),
      shades: [{ kind: 'down', from: now - 3 * dayMs, to: now - 2 * dayMs }],
    },
  ],
}
const show = (changed: Partial<CompanyView> = {}) =>
  companyMain({
    ...{
      view: { ...view, ...changed },
      days: '365',
      zone: 'UTC',
      now,
      draw: openDraw(createLog('edge', 'silent'), 'a page', 'UTC'),
    },
  }).toString()

test('what matters comes first, in words', () => {
  const page = show()
  expect(page.indexOf('<a href="/console/why/n1">Stars rose</a>')).toBeLessThan(page.indexOf('<h2'))
  expect(page).toContain('By 48%.')
  expect(page).toMatch(/Gone, <time[^>]*>27 Nov 2026<\/time>: <a href="\/console\/why\/n1">arm-sdk is gone/)
})

test('each source says how fresh it is, by a shape and in words, and failed runs', () => {
  const page = show()
  expect(page).toMatch(/class="state late"><span aria-hidden="true">◐<\/span> late: 20 days ago/)
  expect(page).toContain('weekly')
  expect(page).toMatch(/<td class="number" data-sort="2">2<\/td>/)
})

test('pictures have a text alternative that says what they say', () => {
  const descriptions = readMarkup(show()).filter(({ name }) => name === 'desc')
  expect(descriptions.map(({ text }) => text)).toEqual(
    Array.from({ length: 2 }, () => expect.stringMatching(/stars: 3 values .* The source was down .* 1 news item/)),
  )
})

test('list items are bars, which say their numbers', () => {
  expect(show()).not.toContain('List items</h2>')
  const items = {
    ...{ measurement: 'stars', from: now - 3 * dayMs, to: now - 3 * dayMs, has_subjects: false },
    items: ['arm-sdk', '<b>', 'x'.repeat(10_000)].map((item, at) => ({ item, subject: 'acme', value: 9 - at })),
    others: { count: 0, sum: 0 },
  }
  const barsOf = (page: string) =>
    readMarkup(page).findLast(({ name, text }) => name === 'desc' && /^\d+ items: /.test(text))?.text
  const page = show({ items })
  expect(barsOf(page)).toMatch(/^3 items: arm-sdk 9; <b> 8; x+… 7\.$/)
  expect(page).toMatch(/As the lists were on <time[^>]*>26 Nov 2026<\/time>\./)
  expect(findMarkupFaults(page)).toEqual([])
  const several = show({ items: { ...items, from: now - 9 * dayMs, has_subjects: true, others: { count: 2, sum: 5 } } })
  expect(barsOf(several)).toMatch(/^5 items: arm-sdk · acme 9; <b> · acme 8; .* 7; 2 others together 5\.$/)
  expect(several).toMatch(/As the lists were between <time[^>]*>20 Nov 2026<\/time> and /)
})

test('bars that cannot be drawn promise no numbers', () => {
  const items = {
    ...{ measurement: 'stars', from: now, to: now, has_subjects: false, others: { count: 0, sum: 0 } },
    items: [{ item: 'arm-sdk', subject: '', value: NaN }],
  }
  const page = show({ items })
  expect(page).toContain('The picture cannot be drawn.')
  expect(page).not.toContain('The numbers are below.')
})

test('the series of a source say how they are judged', () => {
  const listed = { source: 1, series: [series], growth: new Map([['17', change]]), hasMore: true }
  const page = show({ listed })
  expect(page).toContain('12 of 20 values: judged from 20 on.')
  expect(page).toContain('<td class="number">1,234</td>')
  expect(page).toContain('<td class="number" data-sort="12">+12%</td>')
  expect(page).toContain('More are not shown.')
  expect(show({ listed: { ...listed, series: [], hasMore: false } })).toContain('It has no series of this company yet.')
})

test('without news it says since when it is quiet', () => {
  expect(show({ best: [] })).toMatch(/All quiet since <time[^>]*>27 Nov 2026<\/time>: <bdi>Stars rose<\/bdi>\./)
  expect(show({ best: [], news: [] })).toContain('nothing has been told of this company yet')
})

test('a company without sources or values says what comes next', () => {
  const page = show({
    company: { ...view.company, sources: [] },
    counts: new Map(),
    news: [],
    best: [],
    panels: [],
    moved: [],
  })
  expect(page).toContain('No source yet')
  expect(page).toContain('The first values come with the next run of a source.')
  expect(page).toContain('None in this time.')
})

const odd = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('<script>x</script>', '"><img src=x onerror=y>', '</svg></table>', '\u202eabc', 'x'.repeat(10_000)),
)
const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(1e15, 1e-9, -1, 0))

test('whatever names, texts and numbers say, the markup stays ours', () => {
  fc.assert(
    fc.property(odd, odd, odd, fc.array(number, { maxLength: 9 }), (name, text, value, numbers) => {
      const item = { ...news, title: text, message: name, measurement: { id: 5, name } }
      const one = { ...series, measurement: { id: 5, name, type: 'text' }, subject: text, value }
      const page = show({
        ...{ best: [item, item], moved: [item], news: [item] },
        listed: { source: 1, series: [{ ...one, company: { id: 3, name } }], growth: new Map(), hasMore: false },
        company: { ...view.company, name, description: text },
        panels: [
          { ...view.panels[0]!, title: nameOf(name), points: numbers.map((value, at) => ({ at: at * dayMs, value })) },
        ],
      })
      expect(findMarkupFaults(page)).toEqual([])
    }),
    { numRuns: 60 },
  )
})
