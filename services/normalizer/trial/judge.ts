import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readCommand } from '#runtime/commands/run-command.ts'
import type { Observation } from '#schemas/generated/types.ts'
import type { NewsOfTrial } from './report-trial.ts'

/** The news items that the analyzer would make of what the normalizer would send. */
export async function judgeObservations(observations: readonly Observation[]): Promise<NewsOfTrial[]> {
  if (observations.length === 0) return []
  return JSON.parse(await judge([observations])) as NewsOfTrial[]
}

/** News items that only one of two lists of observations would make. */
export type NewsDifference = { gained: NewsOfTrial[]; lost: NewsOfTrial[]; same: number }

export async function judgeDifference(
  before: readonly Observation[],
  after: readonly Observation[],
): Promise<NewsDifference> {
  return JSON.parse(await judge([after, before])) as NewsDifference
}

/** What the analyzer's command prints of one list, or of one against another. */
async function judge([observations, against]: [readonly Observation[], (readonly Observation[])?]): Promise<string> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'parma-judge-'))
  const write = async (name: string, those: readonly Observation[]) => {
    const file = join(folder.path, name)
    await writeFile(file, printObservations(those))
    return file
  }
  const file = await write('observations.ndjson', observations)
  const others = against === undefined ? [] : ['--against', await write('against.ndjson', against)]
  return await readCommand('news', 'judge', file, ...others, '--json')
}

/** NDJSON. */
export function printObservations(observations: readonly Observation[]): string {
  return observations.map((one) => `${JSON.stringify(one)}\n`).join('')
}
