import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, UsageError } from '#runtime/commands/commands.ts'
import { runCommand } from '#runtime/commands/run-command.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { readEnv } from '#runtime/process/config.ts'
import { describeDisabled, readAskedRule } from '../backtest/asked-rules.ts'
import { askAll, askDetectors, askRule, type Asked } from '../backtest/criteria.ts'
import { countNews, noNews, ratePerMonth } from '../backtest/count-news.ts'
import { describeBacktest, sayProgress } from '../backtest/describe-backtest.ts'
import { readPeriod } from '../backtest/read-period.ts'
import { type BacktestNews, type Progress, runBacktest } from '../backtest/run-backtest.ts'
import { type FilterOptions, readFilters, requireHistories, withFilters } from '../backtest/histories.ts'
import { commandSettings } from '../config.ts'
import { countThreads, runParallel } from '../parallel/run-parallel.ts'
import { openNewsFile, removeInTheEnd } from './news-file.ts'

type Options = FilterOptions & {
  rule?: string
  detectors?: boolean
  inForce?: boolean
  sensitivity?: string
  from?: string
  to?: string
  output?: string
  tryAudience?: boolean
  json?: boolean
}

export function build(command: Command): void {
  const judging = command
    .option('--rule <rule>', 'judge by this rule alone: an id such as rule/3, or a file with its definition (JSON)')
    .option('--detectors', 'judge by the detectors and other defaults, as if no rule existed besides --rule')
    .option('--in-force', 'judge by all rules and defaults as they stand now')
    .option('--sensitivity <level>', 'of the detectors: low, normal, high, or the least score (0 to 1) that is told')
  withFilters(judging)
    .option('--from <time>', 'only news items observed from then on: 2026-01-31, or before now: 12m, 4w, 90d, 2y')
    .option('--to <time>', 'only news items observed before then')
    .option('--output <file>', 'write the news items to this file (NDJSON) instead of stdout')
    .option('--try-audience', 'then show who would have got which messages, as `parma audience try` does')
    .option('--json', 'print the summary as JSON')
    .addHelpText(
      'after',
      `
Judges what is stored as the analyzer does, from the first payload on, and writes the news items that it would
have made, one JSON object a line. A payload counts as if it had come in its time, so history is not silent.
Sends nothing and stores nothing. The settings are those of this environment.`,
    )
    .action(backtest)
}

async function backtest(options: Options): Promise<void> {
  const { output = null, tryAudience = false, json = false } = options
  if (!tryAudience) return judge(options, output)
  const folder = await mkdtemp(join(tmpdir(), 'parma-backtest-'))
  using _ = removeInTheEnd([folder])
  const file = output ?? join(folder, 'news.ndjson')
  await judge(options, file)
  process.exitCode = await runCommand('audience', 'try', file, ...(json ? ['--json'] : []))
}

async function judge(options: Options, output: string | null): Promise<void> {
  const { json = false } = options
  const period = readPeriod(options, Date.now())
  const config = readEnv(commandSettings)
  const summary = await withDatabase(async (database) => {
    const { basis, criteria, ...needed } = await readAsked(config, database, options)
    const asked = await readFilters(database, options)
    const companiesAsked = intersect(asked.companies, needed.companies)
    requireCovered(needed, companiesAsked)
    const selection = { ...asked, measurements: needed.measurements, companies: companiesAsked }
    const companies = await requireHistories(database, selection, period)
    const counts = noNews()
    await using file = await openNewsFile(output)
    const say = sayProgress(companies)
    const startedAt = performance.now()
    const listener = {
      onNews: async (news: readonly BacktestNews[]) => {
        countNews(counts, news)
        await file.add(news)
      },
      onProgress: (progress: Progress) => say(progress, counts.news),
    }
    const threads = countThreads(companies)
    const done =
      threads > 1
        ? await runParallel({ config, basis, selection, period }, companies, threads, listener)
        : await runBacktest(config, database, selection, period, companies, criteria, listener)
    const seconds = (performance.now() - startedAt) / 1000
    await file.finish()
    return { ...counts, per_company_and_month: ratePerMonth(counts, companies), ...done, seconds }
  })
  const text = describeBacktest(summary)
  const where = options.output === undefined ? '' : `\nThe news items are in ${options.output}.`
  // stdout is for the news items, or for the JSON of what is printed last.
  if (output === null || (json && options.tryAudience)) console.error(json ? JSON.stringify(summary) : text)
  else printResult({ ...summary, output }, `${text}${where}`, json)
}

async function readAsked(config: Parameters<typeof askAll>[0], database: Database, options: Options): Promise<Asked> {
  const { rule, detectors = false, inForce = false, sensitivity } = options
  const choices = 'give --rule <rule>, --detectors or --in-force'
  if (rule === undefined && !detectors && !inForce) throw new UsageError(`Say what to judge by: ${choices}.`)
  if (inForce && (detectors || rule !== undefined))
    throw new UsageError('--in-force already means all rules and defaults: leave out --rule and --detectors.')
  if (sensitivity !== undefined && !detectors)
    throw new UsageError('--sensitivity is that of the detectors: give --detectors, too.')
  const row = rule === undefined ? null : await readAskedRule(database, rule)
  const disabled = row && describeDisabled(row)
  if (disabled !== null) console.error(disabled)
  if (inForce) return askAll(config, database)
  return detectors || row === null ? askDetectors(config, row, sensitivity) : askRule(config, database, row)
}

/** A UsageError if the rule covers nothing of what is asked. */
function requireCovered({ companies: covered }: Pick<Asked, 'companies'>, companies: readonly number[] | null): void {
  if (companies?.length !== 0) return
  if (covered?.length === 0)
    throw new UsageError('The rule covers no measurement of any company. `parma rules ls` shows what it is about.')
  throw new UsageError('The rule covers no measurement of these companies: give others with --company, or none.')
}

function intersect(a: readonly number[] | null, b: readonly number[] | null): readonly number[] | null {
  if (a === null || b === null) return a ?? b
  const known = new Set(b)
  return a.filter((one) => known.has(one))
}
