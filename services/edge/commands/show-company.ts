import { findCompany, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows, printText, UsageError } from '#runtime/commands/commands.ts'
import { formatChange } from '#runtime/text/format.ts'
import { type CompanyDetail, readCompany } from '../ask/company.ts'
import { keyHolder } from '../ask/may-read.ts'
import { asCell } from '../http/csv.ts'
import { printCsv } from './print-csv.ts'
import { describeFields } from './series.ts'

/** `parma companies show`. */
export async function showCompany(text: string, { csv = false, json = false }: { csv?: boolean; json?: boolean }) {
  const company = await withDatabase(async (database) =>
    readCompany(database, keyHolder, await findCompany(database, text)),
  )
  if (company === null) throw new UsageError(`Company ${JSON.stringify(text)} was deleted a moment ago.`)
  const series = company.series.map(flattenSeries)
  if (csv)
    return printCsv(
      columns,
      series.map((one) => ({ ...one, value: asCell(one.value) })),
    )
  if (json) return printResult(company, '', true)
  const { name, id, description, sources, items, news } = company
  printText(
    describeFields([
      ['company', `${name} (${id})`],
      ['description', description],
    ]),
  )
  const section = <Row extends Record<string, unknown>>(title: string, rows: readonly Row[]) => {
    printText(`\n${title}`)
    printRows(rows, false, ['observed_at'])
  }
  section(
    'Sources',
    sources.map(({ every_ms: _, ...source }) => source),
  )
  section('Series', series.map(formatPercents))
  section('List items', items)
  section(
    'News items',
    news.map(({ observed_at, severity, title, news_id }) => ({ observed_at, severity, title, news_id })),
  )
}

const columns = [
  ...([
    'series_id',
    'source',
    'measurement',
    'subject',
    'value',
    'observed_at',
    '7d',
    '30d',
    '90d',
    '180d',
    '365d',
  ] as const),
] as const
const spans = { '7d': 7, '30d': 30, '90d': 90, '180d': 180, '365d': 365 }

type Series = CompanyDetail['series'][number]

function flattenSeries({ series_id, source, measurement, subject, value, observed_at, growth }: Series) {
  const percentOf = (days: number) => growth.find((one) => one.days === days)?.percent ?? null
  const percents = Object.fromEntries(Object.entries(spans).map(([name, days]) => [name, percentOf(days)]))
  return {
    ...{ series_id, source: source.name, measurement: measurement.name, subject, value, observed_at },
    ...(percents as Record<keyof typeof spans, number | null>),
  }
}

function formatPercents(series: ReturnType<typeof flattenSeries>) {
  const formatted = Object.keys(spans).map((name) => {
    const percent = series[name as keyof typeof spans]
    return [name, percent === null ? null : formatChange(percent)]
  })
  return { ...series, ...(Object.fromEntries(formatted) as Record<keyof typeof spans, string | null>) }
}
