import type { Command } from 'commander'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { withDatabase } from '#runtime/commands/command-database.ts'
import { printResult } from '#runtime/commands/commands.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { readEnv } from '#runtime/process/config.ts'
import { noNews, ratePerMonth } from '../backtest/count-news.ts'
import { askAll, hashCriteria } from '../backtest/criteria.ts'
import { describeBacktest, sayProgress } from '../backtest/describe-backtest.ts'
import { type FilterOptions, readFilters, requireHistories, withFilters } from '../backtest/histories.ts'
import { readPeriod } from '../backtest/read-period.ts'
import { rejudge } from '../backtest/rejudge.ts'
import { beginJob, finishJob, type Identity } from '../backtest/rejudge-jobs.ts'
import { commandSettings } from '../config.ts'
import { openNewsFile } from './news-file.ts'

type Options = FilterOptions & {
  from?: string
  to?: string
  output?: string
  dryRun?: boolean
  json?: boolean
}

export function build(command: Command): void {
  const period = command
    .option('--from <time>', 'say what would have been told from then on: 2026-01-31, or before now: 12m, 4w, 90d, 2y')
    .option('--to <time>', 'say what would have been told before then')
  withFilters(period)
    .option('--output <file>', 'write the news items that would have been made to this file (NDJSON)')
    .option('--dry-run', 'say what would have been told, change nothing')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Use it after rules, settings or detectors have changed. It judges all that is stored again and replaces what the
analyzer remembers of each series and list, so that the next payloads are judged as if these rules had always been
there. Nobody is notified and no news item is stored. The analyzer may run. When it is interrupted, the same command
goes on where it stopped. A state follows from all payloads before it, so --from and --to only choose what is said.`,
    )
    .action(run)
}

async function run(options: Options): Promise<void> {
  const { output, dryRun = false, json = false } = options
  const period = readPeriod(options, Date.now())
  const config = readEnv(commandSettings)
  const result = await withDatabase(async (database) => {
    const filters = await readFilters(database, options)
    const selection = { ...filters, measurements: null, judgedDays: config.LEDGER_DAYS }
    const all = await requireHistories(database, selection, readPeriod({}, Date.now()))
    const identity = {
      asked: { ...filters, from: options.from ?? null, to: options.to ?? null },
      criteriaHash: await hashCriteria(config, database),
    }
    await using file = output === undefined ? null : await openNewsFile(output)
    const job = dryRun ? null : await beginJob(database, identity, noNews())
    if (job?.isResumed) console.error(`Going on after company ${job.last_company}, where it was interrupted.`)
    // The file has the news items of all companies, so all are judged again.
    const isRest = job !== null && output === undefined
    const companies = isRest ? all.filter(({ company_id }) => company_id > job.last_company) : all
    const counts = isRest ? job.counts : noNews()
    const { criteria } = await askAll(config, database)
    const say = sayProgress(companies)
    const startedAt = performance.now()
    const done = await rejudge(
      config,
      database,
      { selection, period, companies, criteria, job, counts },
      {
        onNews: async (news) => file?.add(news),
        onProgress: (progress) => say(progress, counts.news),
      },
    )
    const seconds = (performance.now() - startedAt) / 1000
    await file?.finish()
    if (job)
      await database.transaction(async (tx) => {
        await finishJob(tx, job)
        const after = { ...identity.asked, ...done, news: counts.news }
        await auditCommand(tx, 'analyzer', { kind: 'analyzer.rejudge', subject: `rejudge:${job.rejudge_no}`, after })
      })
    await warnOfChange(config, database, identity)
    return { ...counts, per_company_and_month: ratePerMonth(counts, all), ...done, seconds, rebuilt: !dryRun }
  })
  const done = dryRun ? 'Nothing is changed.' : 'The states of these companies are rebuilt. Nobody was notified.'
  printResult(result, `${describeBacktest(result)}\n${done}`, json)
}

async function warnOfChange(
  config: Parameters<typeof hashCriteria>[0],
  database: Database,
  { criteriaHash }: Identity,
): Promise<void> {
  if ((await hashCriteria(config, database)) !== criteriaHash)
    console.error('Rules have changed since it began: run it again.')
}
