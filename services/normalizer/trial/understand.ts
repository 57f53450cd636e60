import type { Command } from 'commander'
import { printResult } from '#runtime/commands/commands.ts'
import { readInput } from '#runtime/commands/read-input.ts'
import { requireCount } from '#runtime/commands/read-typed.ts'
import { escapeLine } from '#runtime/commands/terminal.ts'
import { describeFileTrial } from './describe-trial.ts'
import { readMapFile } from './read-map-file.ts'
import { judgeObservations } from './judge.ts'
import { reportTrial } from './report-trial.ts'
import { tryByMap, tryWithStored } from './try-file.ts'

type Options = { source: string; map?: string; company?: string; limit: string; json?: boolean }

export function build(command: Command): void {
  command
    .argument('<file>', 'payloads: one, a JSON array or NDJSON; - for stdin')
    .requiredOption('--source <source>', 'whose payloads they are: id or name of a data source')
    .option('--map <file>', 'understand them by the map in this file (JSON), with no database')
    .option('--company <company>', 'whose payloads they are, where they do not say it: id or name')
    .option('--limit <n>', 'print at most this many lines of each section', '40')
    .option('--json', 'print JSON, with everything')
    .addHelpText(
      'after',
      `
Prints what would become of payloads: values, nulls, paths that the map does not have, what would be refused with the
remedy, the items of lists and by what they are known, and the news items they would make against what is stored. A
payload is a body of /feed-raw-data, or only its raw_data. Several are taken in their order. Stores and sends nothing.

With --map nothing is known but that map: no database is asked, so there are no news items, and lists are as if they
were seen for the first time. The file has a map or a module's answer to /initialize. Payloads without a company are
also taken alone.`,
    )
    .action(tryFile)
}

async function tryFile(file: string, { source, map, company, limit, json = false }: Options): Promise<void> {
  const most = requireCount(limit, '--limit')
  const asked = { text: await readInput(file), name: file === '-' ? 'stdin' : file, source, company }
  const trial = map === undefined ? await tryWithStored(asked) : tryByMap(asked, await readMap(map, source))
  const observed = trial.trials.flatMap(({ tried }) => tried?.observations ?? [])
  const report = reportTrial(trial, map === undefined ? await judgeObservations(observed) : null)
  printResult(report, describeFileTrial(report, most, process.stdout.columns ?? 80), json)
}

async function readMap(file: string, source: string): Promise<string> {
  const map = readMapFile(await readInput(file), file)
  if (map.source !== source)
    console.error(escapeLine(`${file} is a map of ${map.source}, and the source is ${source}.`))
  return map.content
}
