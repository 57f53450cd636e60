import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readCommand } from '#runtime/commands/run-command.ts'
import type { Observation } from '#schemas/generated/types.ts'
import type { NewsOfTrial } from './report-trial.ts'

/** The news items that the analyzer would make of what the normalizer would send. */
export async function judgeObservations(observations: readonly Observation[]): Promise<NewsOfTrial[]> {
  if (observations.length === 0) return []
  await using folder = await mkdtempDisposable(join(tmpdir(), 'parma-judge-'))
  const file = join(folder.path, 'observations.ndjson')
  await writeFile(file, observations.map((one) => `${JSON.stringify(one)}\n`).join(''))
  return JSON.parse(await readCommand('news', 'judge', file, '--json')) as NewsOfTrial[]
}
