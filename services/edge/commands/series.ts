import type { Command } from 'commander'
import { withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows, printText, UsageError } from '#runtime/commands/commands.ts'
import { requireCount, requireTime } from '#runtime/commands/read-typed.ts'
import { formatChange, formatNumber } from '#runtime/text/format.ts'
import { firstPage } from '../http/cursor.ts'
import { seriesIdPattern } from '../growth/series-id.ts'
import { keyHolder } from '../ask/may-read.ts'
import { flattenPoint, pointColumns, readSeries, type SeriesDetail } from '../ask/one-series.ts'
import { printCsv } from './print-csv.ts'

const mostPoints = 100_000

export function build(group: Command): void {
  group
    .command('show')
    .description('show a series: its newest values, forecast, growth and news items')
    .argument('<series>', 'id of the series; `parma companies show` lists those of a company')
    .option('--since <time>', 'only values observed from this time on, in ISO 8601')
    .option('--until <time>', 'only values observed before this time')
    .option('--limit <n>', 'at most this many of the newest values', '20')
    .option('--csv', 'print the values as CSV')
    .option('--json', 'print JSON')
    .action(show)
}

type Options = { since?: string; until?: string; limit: string; csv?: boolean; json?: boolean }

async function show(id: string, { csv = false, json = false, ...options }: Options): Promise<void> {
  const limit = requireCount(options.limit, '--limit', { most: mostPoints })
  const query = {
    limit,
    since: requireTime(options.since, '--since'),
    until: requireTime(options.until, '--until'),
  }
  const remedy = '`parma companies show <company>` lists series with their ids.'
  if (!seriesIdPattern.test(id)) throw new UsageError(`${JSON.stringify(id)} is not the id of a series. ${remedy}`)
  const series = await withDatabase((database) => readSeries(database, keyHolder, id, query, firstPage))
  if (series === null) throw new UsageError(`There is no series ${id}. ${remedy}`)
  if (csv) return printCsv(pointColumns, series.points.map(flattenPoint))
  if (json) return printResult(series, '', true)
  printText(describeSeries(series))
  printText('')
  const points = series.points.map(({ observed_at, value, exact, event_id }) => ({
    ...{ observed_at, value: exact ?? value, event_id },
  }))
  printRows(points, false, ['observed_at'])
}

function describeSeries({
  company,
  source,
  measurement,
  subject,
  item,
  detector,
  growth,
  forecast,
  news,
}: SeriesDetail) {
  const rows: [string, string | null][] = [
    ['company', `${company.name} (${company.id})`],
    ['source', `${source.name} (${source.id})`],
    ['measurement', `${measurement.name} (${measurement.id}), ${measurement.type}`],
    ['subject', subject],
    ['item', item],
    ['detectors', [detector.state, detector.reason].filter(Boolean).join(': ')],
    ...growth.map(({ days, percent, gap }): [string, string] => [
      `${days} days`,
      percent === null ? `no percentage: ${gap}` : formatChange(percent),
    ]),
    ...forecast.map(({ for_time, value, low, high }): [string, string] => [
      'forecast',
      `${formatNumber(value)}${low === null || high === null ? '' : ` (${formatNumber(low)} to ${formatNumber(high)})`}, ${for_time}`,
    ]),
    ...news.slice(0, 5).map(({ observed_at, title }): [string, string] => ['news item', `${observed_at} ${title}`]),
  ]
  return describeFields(rows)
}

/** A line for each field that there is. */
export function describeFields(rows: readonly (readonly [string, string | null])[]): string {
  const shown = rows.filter(([, text]) => text !== null)
  return shown.map(([what, text]) => `${what.padEnd(12)} ${text!.replaceAll('\n', ' ')}`).join('\n')
}
