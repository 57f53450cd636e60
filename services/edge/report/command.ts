import type { Command } from 'commander'
import { writeFile } from 'node:fs/promises'
import { findBucket, findCompany, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, UsageError } from '#runtime/commands/commands.ts'
import { requireTime } from '#runtime/commands/read-typed.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { readIso } from '#runtime/text/iso-time.ts'
import { dayMs } from '#runtime/text/time.ts'
import { keyHolder } from '../ask/may-read.ts'
import { composeBucketReport, composeCompanyReport } from './compose-report.ts'
import { readBucketReport, readCompanyReport } from './read-report.ts'
import { reportFile } from './report-file.ts'
import type { Period } from './report-parts.ts'

/** Days of a report without --from. */
const usualDays = 365

type Options = { company?: string; bucket?: string; from?: string; to?: string; out: string; json?: boolean }

export function build(group: Command): void {
  group
    .option('--company <company>', 'about this company: id or name')
    .option('--bucket <bucket>', 'about the companies in this bucket: id or title')
    .option('--from <time>', `values observed from this time on, in ISO 8601 (default: ${usualDays} days before --to)`)
    .option('--to <time>', 'values observed before this time (default: now)')
    .requiredOption('--out <file>', 'the HTML file to write: it holds all that it shows, and prints well')
    .option('--json', 'print JSON')
    .action(report)
}

async function report({ company, bucket, out, json = false, ...times }: Options): Promise<void> {
  if ((company === undefined) === (bucket === undefined)) throw new UsageError('Give --company or --bucket.')
  const madeAt = new Date().getTime()
  const period = readPeriod(times, madeAt)
  const { title, text } = await withDatabase((database) =>
    company === undefined
      ? makeBucketReport(database, bucket!, period, madeAt)
      : makeCompanyReport(database, company, period, madeAt),
  )
  await writeFile(out, text).catch((error: Error) => {
    throw new UsageError(`${out} cannot be written: ${error.message}`)
  })
  printResult({ file: out, title, bytes: Buffer.byteLength(text) }, `${title}: written to ${out}`, json)
}

function readPeriod({ from, to }: Pick<Options, 'from' | 'to'>, now: number): Period {
  const [begin, end] = [requireTime(from, '--from'), requireTime(to, '--to')]
  const until = (end === undefined ? null : readIso(end)) ?? now
  const since = (begin === undefined ? null : readIso(begin)) ?? until - usualDays * dayMs
  if (since >= until) throw new UsageError('--to must be later than --from.')
  return { from: since, to: until }
}

async function makeCompanyReport(database: Database, company: string, period: Period, madeAt: number) {
  const found = await readCompanyReport(database, keyHolder, await findCompany(database, company), period)
  if (found === null) throw new UsageError(`Company ${JSON.stringify(company)} was deleted a moment ago.`)
  const { name } = found.company
  return { title: name, text: reportFile(name, composeCompanyReport({ ...found, madeAt })) }
}

async function makeBucketReport(database: Database, bucket: string, period: Period, madeAt: number) {
  const found = await readBucketReport(database, keyHolder, await findBucket(database, bucket), period)
  if (found === null) throw new UsageError(`Bucket ${JSON.stringify(bucket)} was deleted a moment ago.`)
  return { title: found.title, text: reportFile(found.title, composeBucketReport({ ...found, madeAt })) }
}
