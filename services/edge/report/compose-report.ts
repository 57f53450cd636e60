import type { CompaniesPage } from '../ask/companies.ts'
import type { CompanyDetail } from '../ask/company.ts'
import type { NewsPage } from '../ask/news.ts'
import type { SeriesDetail } from '../ask/one-series.ts'
import { html, type Html } from '../design/html.ts'
import { type Cell, foreign, table } from '../design/parts.ts'
import { windows } from '../growth/grow.ts'
import {
  changeCell,
  changeWithin,
  dayCell,
  drawPeriod,
  introduce,
  numberCell,
  numbersOf,
  type Period,
  showNews,
} from './report-parts.ts'

type Frame = { period: Period; madeAt: number; news: NewsPage['news'] }
/** `series`: those of the company that are numbers, with their values in the period. */
export type CompanyReport = Frame & { company: CompanyDetail; series: readonly SeriesDetail[]; leftOut: number }
/** `series`: those by which the first companies are compared. */
export type BucketReport = Frame & { title: string; page: CompaniesPage; series: readonly SeriesDetail[] }

/** The main part of a report about a company. */
export function composeCompanyReport({ company, series, leftOut, ...frame }: CompanyReport): Html {
  const { sources } = company
  return html`${introduce(frame.period, frame.madeAt)}
${company.description !== null && html`<p dir="auto">${company.description}</p>`}
<h2>What matters</h2>
${showNews(frame.news)}
<h2>Numbers</h2>
${series.length === 0 ? html`<p>No numbers are known of this company.</p>` : numbersTable(company, series)}
${leftOut > 0 && html`<p>${leftOut} more series are not shown.</p>`}
${series.map((one) => drawPeriod(one, nameOf(one), frame.period))}
<h2>Sources</h2>
${
  sources.length === 0
    ? html`<p>No source is linked to this company.</p>`
    : table(
        'What sources have sent',
        [{ name: 'Source' }, { name: 'Newest' }, { name: 'Payloads', isNumber: true }],
        sources.map(({ name, observed_at, fed }) => [{ text: foreign(name) }, dayCell(observed_at), numberCell(fed)]),
      )
}`
}

function numbersTable(company: CompanyDetail, series: readonly SeriesDetail[]): Html {
  const grown = new Map(company.series.map(({ series_id, growth }) => [series_id, growth]))
  const columns = [
    { name: 'Measurement' },
    { name: 'Newest', isNumber: true },
    { name: 'Observed' },
    { name: 'In this time', isNumber: true },
    ...windows.map((days) => ({ name: `${days} days`, isNumber: true })),
  ]
  const rows = series.map((one): Cell[] => {
    const numbers = numbersOf(one)
    const last = numbers.at(-1)
    const percentOf = (days: number) =>
      grown.get(one.series_id)?.find((change) => change.days === days)?.percent ?? null
    return [
      { text: foreign(nameOf(one)) },
      numberCell(last?.value ?? null),
      dayCell(last === undefined ? null : new Date(last.at).toISOString()),
      changeCell(changeWithin(numbers)?.percent ?? null),
      ...windows.map((days) => changeCell(percentOf(days))),
    ]
  })
  return table('Numbers and their growth', columns, rows)
}

function nameOf({ measurement, source, subject }: SeriesDetail): string {
  return [measurement.name ?? `measurement ${measurement.id}`, subject, source.name].filter(Boolean).join(', ')
}

/** The main part of a report about the companies of a bucket. */
export function composeBucketReport({ page, series, ...frame }: BucketReport): Html {
  const { compared, companies } = page
  const columns = [
    { name: 'Company' },
    { name: 'Momentum', isNumber: true },
    ...compared.measurements.map(({ name, id }) => ({ name: name ?? `measurement ${id}`, isNumber: true })),
  ]
  const order = compared.ranked ? 'the highest momentum first' : 'by name: they are too many to be ranked'
  const rows = companies.map(({ name, momentum, growth }): Cell[] => [
    { text: foreign(name) },
    numberCell(momentum),
    ...compared.measurements.map(({ id }) =>
      changeCell(growth.find(({ measurement }) => measurement.id === id)?.percent ?? null),
    ),
  ])
  return html`${introduce(frame.period, frame.madeAt)}
<h2>What matters</h2>
${showNews(frame.news)}
<h2>Companies</h2>
${
  companies.length === 0
    ? html`<p>There is no company in this bucket.</p>`
    : table(`Growth over ${compared.days} days, ${order}`, columns, rows)
}
${compared.companies > companies.length && html`<p>${compared.companies - companies.length} more are not shown.</p>`}
${series.map((one) => drawPeriod(one, `${one.company.name}: ${nameOf(one)}`, frame.period))}`
}
