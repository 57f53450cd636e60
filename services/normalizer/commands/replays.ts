import type { Command } from 'commander'
import { withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows } from '#runtime/commands/commands.ts'
import { requireCount, requireId } from '#runtime/commands/read-typed.ts'
import { describeReplay, listReplays, readReplay } from './list-replays.ts'
import { makeChange } from '../replay/appliers.ts'

export function build(group: Command): void {
  group
    .command('ls')
    .description('list replays, the newest first')
    .option('--limit <n>', 'at most this many', '50')
    .option('--json', 'print JSON')
    .action(list)
  group
    .command('show <replay>')
    .description('show how far a replay is and what it found, with samples')
    .option('--json', 'print JSON')
    .action(show)
  for (const [name, description] of [
    ['pause', 'stop a replay until it is resumed'],
    ['resume', 'go on with a replay that is paused'],
    ['cancel', 'end a replay; what it has done stays'],
  ] as const)
    group
      .command(`${name} <replay>`)
      .description(description)
      .option('--json', 'print JSON')
      .action((replay: string, options: { json?: boolean }) => change(name, replay, options))
}

async function list({ limit, json = false }: { limit: string; json?: boolean }): Promise<void> {
  const count = requireCount(limit, '--limit')
  const rows = await withDatabase((database) => listReplays(database, count))
  const shown = rows.map(({ report: { added, changed, removed }, asked_at, finished_at: _, message: __, ...row }) => ({
    ...row,
    ...{ asked_at: new Date(asked_at).toISOString(), added, changed, removed },
  }))
  printRows(shown, json, ['asked_at'])
}

const remedy = '`parma replays ls` lists them.'

async function show(replay: string, { json = false }: { json?: boolean }): Promise<void> {
  const row = await withDatabase((database) => readReplay(database, requireId(replay, remedy)))
  printResult(row, describeReplay(row), json)
}

async function change(
  name: 'pause' | 'resume' | 'cancel',
  replay: string,
  { json = false }: { json?: boolean },
): Promise<void> {
  const asked = { replay: requireId(replay, remedy) }
  const { message } = await withDatabase((database) => makeChange(database, `normalizer.replay.${name}`, asked))
  printResult({ message }, message, json)
}
