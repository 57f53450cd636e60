import type { Command } from 'commander'
import { findBucket, findCompany, findSource, withDatabase } from '#runtime/commands/command-database.ts'
import { printRows, UsageError } from '#runtime/commands/commands.ts'
import { requireCount, requireTime } from '#runtime/commands/read-typed.ts'
import { firstPage } from '../http/cursor.ts'
import { keyHolder } from '../ask/may-read.ts'
import { flattenNews, newsColumns, type NewsQuery, newsQuery, readNews } from '../ask/news.ts'
import { printCsv } from './print-csv.ts'

const mostRows = 10_000

export function build(group: Command): void {
  group
    .command('ls')
    .description('list news items, the newest first')
    .option('--company <company>', 'only news items of this company: id or name')
    .option('--bucket <bucket>', 'only those of companies in this bucket: id or title')
    .option('--source <source>', 'only those from this source: id or name')
    .option('--severity <severity>', 'only those of this severity: info, warning, critical')
    .option('--kind <kind>', 'only those of this kind')
    .option('--silent', 'silent ones too: stored, and nobody was notified')
    .option('--since <time>', 'only those observed from this time on, in ISO 8601')
    .option('--until <time>', 'only those observed before this time')
    .option('--best', 'the most important first')
    .option('--limit <n>', 'at most this many', '50')
    .option('--csv', 'print CSV')
    .option('--json', 'print JSON')
    .action(list)
}

type Texts = Partial<Record<'company' | 'bucket' | 'source' | 'severity' | 'kind' | 'since' | 'until', string>>
type Options = Texts & { silent?: boolean; best?: boolean; limit: string; csv?: boolean; json?: boolean }

async function list(options: Options): Promise<void> {
  const { silent = false, best = false, csv = false, json = false, severity, kind } = options
  const limit = requireCount(options.limit, '--limit', { most: mostRows })
  const named = { severity: readName('severity', severity), kind: readName('kind', kind) }
  const period = {
    since: requireTime(options.since, '--since'),
    until: requireTime(options.until, '--until'),
  }
  const { news } = await withDatabase(async (database) => {
    const find = <T>(text: string | undefined, look: (text: string) => Promise<T>) =>
      text === undefined ? undefined : look(text)
    const query: NewsQuery = {
      ...{ ...named, ...period, limit, silent: silent ? 'any' : 'false', order: best ? 'best' : 'newest' },
      company: await find(options.company, (text) => findCompany(database, text)),
      bucket: await find(options.bucket, (text) => findBucket(database, text)),
      source: await find(options.source, (text) => findSource(database, text)),
    }
    return readNews(database, keyHolder, query, firstPage)
  })
  if (csv) return printCsv(newsColumns, news.map(flattenNews))
  if (json) return printRows(news, true)
  const rows = news.map(({ observed_at, importance, severity, company, source, title, news_id }) => ({
    ...{ observed_at, importance: importance.toFixed(2), severity, company: company.name, source: source.name, title },
    news_id,
  }))
  printRows(rows, false, ['observed_at'])
}

/** A name as the read API takes it. */
function readName<N extends 'severity' | 'kind'>(name: N, value: string | undefined): NewsQuery[N] {
  const read = newsQuery.shape[name].safeParse(value)
  if (read.success) return read.data as NewsQuery[N]
  throw new UsageError(`--${name} is ${JSON.stringify(value)}: there is none of this name.`)
}
