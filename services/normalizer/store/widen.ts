import { z } from 'zod'
import { column } from '#runtime/postgres/column.ts'
import { sql, type SqlFragment, type Transaction } from '#runtime/postgres/database.ts'
import { hasSharedLock, lock } from '#runtime/postgres/lock.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import type { NewValue } from './values.ts'

const typesLock = 'normalizer.measurement_type'
const idRow = z.object({ id: z.number() })

/**
 * Makes `int` measurements `float` ones if one of these values is none that an int column can hold. parma-web's charts
 * read the table that the measurement's type names, and no other: so the values there so far move to the float table,
 * and insertValues puts all later ones there. Until `tx` ends no other transaction may rely on the types of before. Returns
 * the condition of a statement that must come before insertValues, so that the types stay as they are.
 */
export async function widenMeasurements(tx: Transaction, values: readonly NewValue[]): Promise<SqlFragment> {
  const ints = values.filter(({ type }) => type === 'int')
  if (ints.length === 0) return sql.fragment`true`
  const wide = new Set(ints.filter(({ column }) => column === 'float').map((value) => value.source_measurement_id))
  const isNarrow = sql.fragment`id = ANY(${column([...wide], 'int4', (id) => id)}) AND lower(type) = 'int'`
  const hasNarrow =
    wide.size > 0 && (await tx.exists(sql.unsafe`SELECT FROM public.source_measurement WHERE ${isNarrow}`))
  // Transactions that write ints share the lock: they would wait for each other if they asked for more later.
  if (!hasNarrow) return hasSharedLock(typesLock)
  await lock(tx, typesLock)
  const widened = await tx.anyFirst(sql.type(idRow)`
    UPDATE public.source_measurement SET type = 'float', modified_at = ${utcNow} WHERE ${isNarrow} RETURNING id`)
  await tx.query(sql.unsafe`
    WITH moved AS (
      DELETE FROM public.measurement_int_value v USING public.company_source_measurement s
      WHERE s.company_measurement_id = v.company_measurement_id
        AND s.source_measurement_id = ANY(${column([...widened], 'int4', (id) => id)})
      RETURNING v.*
    ), renamed AS MATERIALIZED (
      SELECT moved.*, nextval((SELECT pg_get_serial_sequence('public.measurement_float_value', 'id')::regclass))::int AS new_id
      FROM moved ORDER BY id
    ), brought AS (
      INSERT INTO public.measurement_float_value (id, company_measurement_id, value, timestamp, created_at, modified_at)
      SELECT new_id, company_measurement_id, value, timestamp, created_at, modified_at FROM renamed
    )
    UPDATE normalizer.value v SET public_id = n.new_id FROM renamed n
    WHERE v.company_measurement_id = n.company_measurement_id AND v.observed_at = n.timestamp AT TIME ZONE 'UTC'
      AND v.public_id = n.id`)
  return sql.fragment`true`
}
