import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import { withDatabase } from '#runtime/commands/command-database.ts'
import { printRows, UsageError } from '#runtime/commands/commands.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { withoutEffect } from '#runtime/postgres/without-effect.ts'
import { readEnv } from '#runtime/process/config.ts'
import type { Observation } from '#schemas/generated/types.ts'
import { askAll } from '../backtest/criteria.ts'
import { commandSettings, type JudgeConfig } from '../config.ts'
import { judgeBatch } from '../store/judge-batch.ts'
import { readNews } from '../store/news.ts'

export function build(group: Command): void {
  group
    .command('judge')
    .description('show which news items observations would make of what is stored; stores and sends nothing')
    .argument('<file>', 'observations, each in one part (NDJSON), as `parma understand` makes them')
    .option('--json', 'print JSON')
    .action(judge)
}

async function judge(file: string, { json = false }: { json?: boolean }): Promise<void> {
  const observations = readObservations(await readFile(file, 'utf8'), file)
  const config = readEnv(commandSettings)
  const news = await withDatabase((database) => tryObservations(config, database, observations))
  printRows(
    news.map(({ event_id, kind, severity, title, message, silent }) => ({
      ...{ event_id, kind, severity, silent, title, message },
    })),
    json,
  )
}

/** Judges them one after the other, as the analyzer does. While it works, the analyzer waits with the same companies. */
async function tryObservations(config: JudgeConfig, database: Database, observations: readonly Observation[]) {
  const { criteria } = await askAll(config, database)
  const eventIds = observations.map(({ event_id }) => event_id)
  return withoutEffect(database, async (tx) => {
    await judgeBatch(tx, observations, criteria.rules, config)
    return readNews(tx, eventIds)
  })
}

const line = z.looseObject({
  event_id: z.uuid(),
  company_id: z.string(),
  data_source_id: z.number(),
  observed_at: z.number(),
  part: z.literal(1),
  parts: z.literal(1),
  values: z.array(z.looseObject({ company_measurement_id: z.number(), path: z.string() })),
})

function readObservations(text: string, file: string): Observation[] {
  return text.split('\n').flatMap((given, index): Observation[] => {
    if (given.trim() === '') return []
    try {
      // What `parma understand` writes; the check finds files that are something else.
      return [line.parse(JSON.parse(given)) as unknown as Observation]
    } catch {
      throw new UsageError(`Line ${index + 1} of ${file} is not an observation, as \`parma understand\` makes them.`)
    }
  })
}
