import { z } from 'zod'
import { sql, type Transaction } from '../postgres/database.ts'
import { lock } from '../postgres/lock.ts'
import { utcNow } from '../postgres/public-tables.ts'

export type NewMeasurement = { sourceId: number; type: string; name: string; parentId: number | null }

const registered = z.object({ id: z.number(), type: z.string() })
export type Registered = z.output<typeof registered>

/**
 * The measurement of this source, parent and name; null: there is none. `type` is the stored one. If the predecessor left
 * several, it is the newest, which the current map refers to.
 */
export function findMeasurement(
  connection: Pick<Transaction, 'maybeOne'>,
  { sourceId, name, parentId }: NewMeasurement,
): Promise<Registered | null> {
  return connection.maybeOne(sql.type(registered)`
    SELECT id, type FROM public.source_measurement
    WHERE source_module_id = ${sourceId} AND measurement_name = ${name}
      AND parent_measurement_id IS NOT DISTINCT FROM ${parentId}::int
    ORDER BY id DESC LIMIT 1`)
}

/** Gets or creates it. */
export async function registerMeasurement(tx: Transaction, measurement: NewMeasurement): Promise<Registered> {
  await lock(tx, 'source_measurement', measurement.sourceId)
  return (await findMeasurement(tx, measurement)) ?? insertMeasurement(tx, measurement)
}

function insertMeasurement(tx: Transaction, { sourceId, type, name, parentId }: NewMeasurement): Promise<Registered> {
  return tx.one(sql.type(registered)`
    INSERT INTO public.source_measurement
      (source_module_id, type, measurement_name, parent_measurement_id, created_at, modified_at)
    VALUES (${sourceId}, ${type}, ${name}, ${parentId}, ${utcNow}, ${utcNow})
    RETURNING id, type`)
}
