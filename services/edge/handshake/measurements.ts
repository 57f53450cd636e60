import { z } from 'zod'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { lock } from '#runtime/postgres/lock.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'

export type NewMeasurement = { sourceId: number; type: string; name: string; parentId: number | null }

const registered = z.object({ id: z.number(), type: z.string() })
export type Registered = z.output<typeof registered>

export const measurementRow = z.object({
  id: z.number(),
  type: z.string(),
  measurement_name: z.string(),
  source_module_id: z.number(),
  parent_measurement_id: z.number().nullable(),
  created_at: z.number(),
  modified_at: z.number(),
})
export type MeasurementRow = z.output<typeof measurementRow>

/**
 * Gets or creates the measurement of this source, parent and name. `type` is the stored one. If the predecessor left
 * several, it is the newest, which the current map refers to.
 */
export async function registerMeasurement(database: Database, measurement: NewMeasurement): Promise<Registered> {
  const known = await findMeasurement(database, measurement)
  if (known) return known
  return database.transaction(async (tx) => {
    await lock(tx, 'source_measurement', measurement.sourceId)
    return (await findMeasurement(tx, measurement)) ?? insertMeasurement(tx, measurement)
  })
}

function findMeasurement(
  connection: Database | Transaction,
  { sourceId, name, parentId }: NewMeasurement,
): Promise<Registered | null> {
  return connection.maybeOne(sql.type(registered)`
    SELECT id, type FROM public.source_measurement
    WHERE source_module_id = ${sourceId} AND measurement_name = ${name}
      AND parent_measurement_id IS NOT DISTINCT FROM ${parentId}::int
    ORDER BY id DESC LIMIT 1`)
}

function insertMeasurement(tx: Transaction, { sourceId, type, name, parentId }: NewMeasurement): Promise<Registered> {
  return tx.one(sql.type(registered)`
    INSERT INTO public.source_measurement
      (source_module_id, type, measurement_name, parent_measurement_id, created_at, modified_at)
    VALUES (${sourceId}, ${type}, ${name}, ${parentId}, ${utcNow}, ${utcNow})
    RETURNING id, type`)
}

export function findMeasurementById(database: Database, sourceId: number, id: number): Promise<MeasurementRow | null> {
  return database.maybeOne(sql.type(measurementRow)`${selectMeasurements(sourceId)} AND id = ${id}`)
}

/** A page of the source's measurements, ordered by id. */
export async function listMeasurements(
  database: Database,
  sourceId: number,
  { limit, offset }: { limit: number; offset: number },
): Promise<readonly MeasurementRow[]> {
  return database.any(
    sql.type(measurementRow)`${selectMeasurements(sourceId)} ORDER BY id LIMIT ${limit} OFFSET ${offset}`,
  )
}

export function countMeasurements(database: Database, sourceId: number): Promise<number> {
  return database.oneFirst(sql.type(z.object({ count: z.number() }))`
    SELECT count(*) FROM public.source_measurement WHERE source_module_id = ${sourceId}`)
}

function selectMeasurements(sourceId: number) {
  return sql.fragment`
    SELECT id, type, measurement_name, source_module_id, parent_measurement_id, created_at, modified_at
    FROM public.source_measurement WHERE source_module_id = ${sourceId}`
}

/** Deletes a measurement of the source with its children, rules and values. False: it does not exist. */
export async function deleteMeasurement(database: Database, sourceId: number, id: number): Promise<boolean> {
  const { rowCount } = await database.query(sql.unsafe`
    DELETE FROM public.source_measurement WHERE source_module_id = ${sourceId} AND id = ${id}`)
  return rowCount > 0
}
