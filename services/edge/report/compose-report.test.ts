import { expect, test } from 'vitest'
import { dayMs } from '#runtime/text/time.ts'
import type { CompanyDetail } from '../ask/company.ts'
import type { NewsPage } from '../ask/news.ts'
import type { SeriesDetail } from '../ask/one-series.ts'
import { html } from '../design/html.ts'
import { composeBucketReport, composeCompanyReport } from './compose-report.ts'
import { reportFile } from './report-file.ts'

const period = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 10, 29) }
const madeAt = period.to
const isoAt = (day: number) => new Date(period.from + day * dayMs).toISOString()
const [company, source] = [
  { id: 1, name: 'Acme' },
  { id: 2, name: 'github' },
]

const item: NewsPage['news'][number] = {
  ...{ news_id: 'n', kind: 'threshold', severity: 'warning', silent: false, series_id: '7', item: null, event_id: 'e' },
  ...{ title: 'Acme: stars rose 50%', message: 'Stars rose from 1,000 to 1,500.', company, source },
  measurement: { id: 3, name: 'stars' },
  ...{ previous: '1,000', current: '1,500', trigger_factor: 50, importance: 0.5, importance_parts: null, facts: {} },
  ...{ observed_at: isoAt(210), created_at: isoAt(210) },
}

const keys = {
  ...{ series_id: '7', company, source, subject: null, item: null, value: '12345678', observed_at: isoAt(320) },
  measurement: { id: 3, name: 'stars', type: 'int' },
  detector: { state: 'judged', points: 33, kind: null, score: null, reason: null },
}
const series: SeriesDetail = {
  ...keys,
  points: Array.from({ length: 33 }, (_, week) => {
    const value = week === 32 ? 12_345_678 : Math.round(1000 * 1.03 ** week + (week > 20 ? 500 : 0))
    return {
      observed_at: isoAt(week * 10),
      value,
      exact: null,
      event_id: null,
      document: null,
      ...{ seq: 1, changed: null },
    }
  }),
  ...{ forecast: [], growth: [], news: [item], next: null },
  disturbances: [{ kind: 'down', from: isoAt(100), to: isoAt(120) }],
}
const growth = [{ days: 30, previous: 2, previous_at: isoAt(1), change: 1, percent: 12.3456, gap: null }]
const detail: CompanyDetail = {
  ...{ id: 1, name: 'Acme', description: 'Makes anvils.', items: [], news: [] },
  sources: [
    ...[
      {
        id: 2,
        name: 'github',
        active: true,
        observed_at: isoAt(320),
        every_ms: dayMs,
        fed: 33,
        failed_runs: 0,
        reason: null,
      },
    ],
  ],
  series: [{ ...keys, growth }],
}

export const companyReport = () =>
  reportFile(
    'Acme',
    composeCompanyReport({ company: detail, series: [series], news: [item], period, madeAt, leftOut: 0 }),
  )

test('a company has its news, exact numbers, changes and a picture', () => {
  const report = companyReport()
  expect(report).toContain('Acme: stars rose 50%')
  expect(report).toContain('<data value="12345678">12.3 million</data>')
  expect(report).toContain('<data value="12.3456">+12%</data>')
  expect(report).toContain(`<data value="${((12_345_678 - 1000) / 1000) * 100}">`)
  expect(report.match(/<svg/g)).toHaveLength(2)
})

test('a file asks for nothing else', () => {
  expect(companyReport()).not.toMatch(/<script|<link|src=|url\(\/|@import|href="http/)
})

test('of nothing there is a report, too', () => {
  const empty = { ...detail, description: null, sources: [], series: [] }
  const report = String(composeCompanyReport({ company: empty, series: [], news: [], period, madeAt, leftOut: 3 }))
  for (const text of ['Nothing was reported', 'No numbers are known', 'No source is linked', '3 more series'])
    expect(report).toContain(text)
  const page = { companies: [], compared: { days: 30, companies: 0, ranked: true, measurements: [] }, next: null }
  expect(String(composeBucketReport({ title: 'b', page, series: [], news: [], period, madeAt }))).toContain(
    'no company',
  )
})

test('a bucket has its companies with their growth', () => {
  const part = {
    series_id: '7',
    measurement: { id: 3, name: 'stars' },
    value: 3,
    observed_at: isoAt(1),
    rank: 1,
    of: 2,
  }
  const measurements = [{ id: 3, name: 'stars', source, polarity: 'good', weight: 1 }]
  const one = { id: 1, name: '<Acme>', description: null, sources: 1, momentum: 75.5 }
  const page = {
    companies: [{ ...one, growth: [{ ...part, ...growth[0]!, polarity: 'good' as const }] }],
    compared: { days: 30, companies: 5, ranked: true, measurements },
    next: null,
  }
  const report = String(html`${composeBucketReport({ title: 'b', page, series: [series], news: [], period, madeAt })}`)
  expect(report).toContain('&lt;Acme&gt;')
  for (const value of ['75.5', '12.3456']) expect(report).toContain(`<data value="${value}">`)
  expect(report).toContain('4 more are not shown.')
  expect(report).toContain('the highest momentum first')
  const many = { ...page, compared: { ...page.compared, ranked: false } }
  const unranked = composeBucketReport({ title: 'b', page: many, series: [], news: [], period, madeAt })
  expect(String(unranked)).toContain('by name: they are too many to be ranked')
})

test('a series without two numbers in the period, or a time of none, has no picture', () => {
  const short = { ...series, points: series.points.slice(0, 1) }
  const report = String(
    composeCompanyReport({ company: detail, series: [short], news: [], period, madeAt, leftOut: 0 }),
  )
  expect(report).not.toContain('<svg')
})
