import { z } from 'zod'
import { UsageError } from '#runtime/commands/commands.ts'
import { columnsOf } from '#runtime/postgres/column.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import { withoutEffect } from '#runtime/postgres/without-effect.ts'
import type { Observation } from '#schemas/generated/types.ts'
import { askAll } from '../backtest/criteria.ts'
import type { JudgeConfig } from '../config.ts'
import { judgeBatch } from '../store/judge-batch.ts'
import { readNews } from '../store/news.ts'

/** A news item that observations would make. */
export type TriedNews = {
  event_id: string
  kind: string
  severity: string
  silent: boolean
  title: string
  message: string
}

/** Judges them one after the other, as the analyzer does. While it works, the analyzer waits with the same companies. */
export async function tryObservations(
  config: JudgeConfig,
  database: Database,
  observations: readonly Observation[],
): Promise<TriedNews[]> {
  if (observations.length === 0) return []
  const { criteria } = await askAll(config, database)
  const eventIds = observations.map(({ event_id }) => event_id)
  return withoutEffect(database, async (tx) => {
    await addMeasurements(tx, observations)
    await judgeBatch(tx, observations, criteria.rules, config)
    const news = await readNews(tx, eventIds)
    return news.map(({ event_id, kind, severity, silent, title, message }) => ({
      ...{ event_id, kind, severity, silent, title, message },
    }))
  })
}

/** Adds what a map that is tried would register: measurements of new entries of a map, and their series. */
async function addMeasurements(tx: Transaction, observations: readonly Observation[]): Promise<void> {
  const all = observations.flatMap(({ values, data_source_id: source, company_id }) =>
    values.map((value) => ({ ...value, source, company: Number(company_id) })),
  )
  const measurements = columnsOf([...new Map(all.map((one) => [one.source_measurement_id, one])).values()])
  await tx.query(sql.unsafe`
    INSERT INTO public.source_measurement (id, source_module_id, measurement_name, type, modified_at)
    SELECT id, source, name, type, ${utcNow} FROM unnest(
      ${measurements('int4', ({ source_measurement_id }) => source_measurement_id)},
      ${measurements('int4', ({ source }) => source)}, ${measurements('text', ({ measurement_name }) => measurement_name)},
      ${measurements('text', ({ type }) => type)}
    ) AS n (id, source, name, type)
    ON CONFLICT (id) DO NOTHING`)
  const series = columnsOf([...new Map(all.map((one) => [one.company_measurement_id, one])).values()])
  await tx.query(sql.unsafe`
    INSERT INTO public.company_source_measurement (company_measurement_id, source_measurement_id, company_id)
    SELECT id, measurement, company FROM unnest(
      ${series('int4', ({ company_measurement_id }) => company_measurement_id)},
      ${series('int4', ({ source_measurement_id }) => source_measurement_id)}, ${series('int4', ({ company }) => company)}
    ) AS n (id, measurement, company)
    ON CONFLICT (company_measurement_id) DO NOTHING`)
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

/** Observations in NDJSON. A UsageError, which names the file, when they are something else. */
export function readObservations(text: string, file: string): Observation[] {
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
