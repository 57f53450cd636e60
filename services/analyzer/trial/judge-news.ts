import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows } from '#runtime/commands/commands.ts'
import { formatCount } from '#runtime/text/format.ts'
import { readEnv } from '#runtime/process/config.ts'
import { commandSettings } from '../config.ts'
import { compareNews } from './compare-news.ts'
import { readObservations, tryObservations } from './try-observations.ts'

export function build(group: Command): void {
  group
    .command('judge')
    .description('show which news items observations would make of what is stored; stores and sends nothing')
    .argument('<file>', 'observations, each in one part (NDJSON), as `parma understand` makes them')
    .option('--against <file>', 'show which news items only one of the two files would make')
    .option('--json', 'print JSON')
    .action(judge)
}

async function judge(file: string, { against, json = false }: { against?: string; json?: boolean }): Promise<void> {
  const observations = readObservations(await readFile(file, 'utf8'), file)
  const others = against === undefined ? null : readObservations(await readFile(against, 'utf8'), against)
  const config = readEnv(commandSettings)
  await withDatabase(async (database) => {
    const news = await tryObservations(config, database, observations)
    if (others === null) return printRows(news, json)
    const difference = compareNews(await tryObservations(config, database, others), news)
    const { gained, lost, same } = difference
    const lines = [...gained.map(({ title }) => `+ ${title}`), ...lost.map(({ title }) => `- ${title}`)]
    printResult(difference, [...lines, `${formatCount(same, 'news item')} the same.`].join('\n'), json)
  })
}
