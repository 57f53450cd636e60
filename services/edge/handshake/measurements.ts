import { z } from 'zod'
import {
  findMeasurement,
  type NewMeasurement,
  type Registered,
  registerMeasurement,
} from '#runtime/module/register-measurement.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'

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

/** Gets or creates the measurement of this source, parent and name. A known one is found without a lock. */
export async function getMeasurement(database: Database, measurement: NewMeasurement): Promise<Registered> {
  const known = await findMeasurement(database, measurement)
  return known ?? database.transaction((tx) => registerMeasurement(tx, measurement))
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
