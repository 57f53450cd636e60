import { z } from 'zod'
import { column } from '#runtime/postgres/column.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import { meaningWith, readOwnMeanings } from './own-polarity.ts'
import { compileMeanings } from './polarity.ts'

const everyMs = 10_000

const namedRow = z.object({ id: z.number(), name: z.string() })

/**
 * Keeps what each measurement means in `analyzer.measurement_meaning`, where other services read it, until the service
 * stops. All are looked at once, because POLARITY may have changed, then those that are new or renamed.
 */
export function startKeepingMeanings(
  { POLARITY }: { POLARITY: readonly string[] },
  context: ServiceContext,
  database: Database,
): void {
  const meaningOf = compileMeanings(POLARITY)
  let isFirst = true
  startLoop('keep_meanings', everyMs, context, async () => {
    const measurements = await readMeasurements(database, isFirst)
    const own = measurements.length > 0 ? await readOwnMeanings(database) : new Map()
    const meanings = measurements.map(({ id, name }) => ({ id, name, ...meaningWith(own, id, meaningOf(name)) }))
    if (meanings.length > 0) await writeMeanings(database, meanings)
    await database.query(sql.unsafe`
      DELETE FROM analyzer.measurement_meaning k
      WHERE NOT EXISTS (SELECT FROM public.source_measurement m WHERE m.id = k.source_measurement_id)`)
    isFirst = false
  })
}

function readMeasurements(database: Database, all: boolean) {
  return database.any(sql.type(namedRow)`
    SELECT m.id, m.measurement_name AS name
    FROM public.source_measurement m LEFT JOIN analyzer.measurement_meaning k ON k.source_measurement_id = m.id
    WHERE ${all} OR k.measurement_name IS DISTINCT FROM m.measurement_name`)
}

type Stored = { id: number; name: string; polarity: string; weight: number }

async function writeMeanings(database: Database, meanings: readonly Stored[]): Promise<void> {
  await database.query(sql.unsafe`
    INSERT INTO analyzer.measurement_meaning AS k (source_measurement_id, measurement_name, polarity, weight)
    SELECT * FROM unnest(${column(meanings, 'int4', ({ id }) => id)}, ${column(meanings, 'text', ({ name }) => name)},
      ${column(meanings, 'text', ({ polarity }) => polarity)}, ${column(meanings, 'float8', ({ weight }) => weight)})
    ON CONFLICT (source_measurement_id) DO UPDATE
    SET measurement_name = excluded.measurement_name, polarity = excluded.polarity, weight = excluded.weight
    WHERE (k.measurement_name, k.polarity, k.weight)
      IS DISTINCT FROM (excluded.measurement_name, excluded.polarity, excluded.weight)`)
}
