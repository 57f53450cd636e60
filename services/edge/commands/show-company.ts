import { findCompany, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows, printText, UsageError } from '#runtime/commands/commands.ts'
import { formatChange } from '#runtime/text/format.ts'
import { type CompanyDetail, readCompany } from '../ask/company.ts'
import { keyHolder } from '../ask/may-read.ts'
import { windows } from '../growth/grow.ts'
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

const nameOf = (days: (typeof windows)[number]) => `${days}d` as const
const columns = [
  ...(['series_id', 'source', 'measurement', 'subject', 'value', 'observed_at'] as const),
  ...windows.map(nameOf),
]
type Percents<T> = Record<ReturnType<typeof nameOf>, T>

type Series = CompanyDetail['series'][number]

function flattenSeries({ series_id, source, measurement, subject, value, observed_at, growth }: Series) {
  const percentOf = (days: number) => growth.find((one) => one.days === days)?.percent ?? null
  const percents = Object.fromEntries(windows.map((days) => [nameOf(days), percentOf(days)]))
  return {
    ...{ series_id, source: source.name, measurement: measurement.name, subject, value, observed_at },
    ...(percents as Percents<number | null>),
  }
}

function formatPercents(series: ReturnType<typeof flattenSeries>) {
  const formatted = windows.map(nameOf).map((name) => {
    const percent = series[name]
    return [name, percent === null ? null : formatChange(percent)]
  })
  return { ...series, ...(Object.fromEntries(formatted) as Percents<string | null>) }
}
