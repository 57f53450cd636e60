import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import type { Command } from 'commander'
import { withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, UsageError } from '#runtime/commands/commands.ts'
import { requireCount } from '#runtime/commands/read-typed.ts'
import { readEnv } from '#runtime/process/config.ts'
import { messageSettings } from '../message/settings.ts'
import { peopleSettings } from '../people/settings.ts'
import { planSettings } from '../plan/settings.ts'
import { readAudience } from './audience.ts'
import { describeReport, reportRehearsal } from './describe-rehearsal.ts'
import { readNews } from './read-news.ts'
import { rehearse } from './rehearse.ts'

export function build(group: Command): void {
  group
    .command('try')
    .description('show who would have got which messages about news items, as their subscriptions are now')
    .argument('<file>', 'the news items that `parma backtest` wrote (NDJSON), or - for stdin')
    .option('--limit <n>', 'list at most this many messages', '50')
    .option('--json', 'print JSON, with all messages')
    .addHelpText(
      'after',
      `
Plans messages as the notifier does, by subscriptions, mutes, quiet hours, bundle window, cool-down and alerts a
day, in the time of the news items. Digests are not counted. Sends nothing and stores nothing.`,
    )
    .action(tryAudience)
}

async function tryAudience(file: string, { limit, json = false }: { limit: string; json?: boolean }): Promise<void> {
  const most = requireCount(limit, '--limit')
  const news = readNews(await readText(file), file === '-' ? 'stdin' : file)
  const { MAX_LINES } = messageSettings
  const config = readEnv({ ...planSettings, ...peopleSettings, MAX_LINES })
  const companies = [...new Set(news.map(({ company_id }) => company_id))]
  const report = await withDatabase((database) =>
    database.transaction(async (tx) => {
      const { audience, destinations } = await readAudience(config, tx, companies)
      return reportRehearsal(rehearse(news, audience), news, destinations, config.MAX_LINES)
    }),
  )
  printResult(report, describeReport(report, most), json)
}

async function readText(file: string): Promise<string> {
  try {
    return file === '-' ? await text(process.stdin) : await readFile(file, 'utf8')
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (!['ENOENT', 'EISDIR', 'EACCES', 'ENOTDIR'].includes(code)) throw error
    throw new UsageError(`${file} cannot be read (${code}): give a file that \`parma backtest --output <file>\` wrote.`)
  }
}
