import { z } from 'zod'
import { sql, type Transaction } from '../postgres/database.ts'
import { advanceCounter, utcNow } from '../postgres/public-tables.ts'
import { isRecord, tryJson } from '../read/try-json.ts'

/** A measurement as an entry of a map names it. */
export type NamedMeasurement = { id: number; type: string; name: string; parentId: number | null }

const ownerRow = z.object({ id: z.number(), source_module_id: z.number() })

/** The measurements of a map that Postgres does not have; `problem`: an id belongs to another source by now. */
export async function findLostMeasurements(
  tx: Pick<Transaction, 'any'>,
  sourceId: number,
  content: string,
): Promise<{ rows: NamedMeasurement[]; problem: string | null }> {
  const named = readMeasurements(content)
  const ids = named.map(({ id }) => id)
  const there = await tx.any(sql.type(ownerRow)`
    SELECT id, source_module_id FROM public.source_measurement WHERE id = ANY(${sql.array(ids, 'int8')})`)
  const foreign = there.find(({ source_module_id }) => source_module_id !== sourceId)
  const known = new Set(there.map(({ id }) => id))
  return {
    rows: named.filter(({ id }) => !known.has(id)),
    problem: foreign ? `measurement ${foreign.id} belongs to source ${foreign.source_module_id} by now` : null,
  }
}

/** With their ids, which maps and values name. The counter goes on after them. Parents stand before their children. */
export async function recoverMeasurements(
  tx: Transaction,
  sourceId: number,
  rows: readonly NamedMeasurement[],
): Promise<void> {
  if (rows.length === 0) return
  await tx.query(sql.unsafe`
    INSERT INTO public.source_measurement
      (id, source_module_id, type, measurement_name, parent_measurement_id, created_at, modified_at)
    SELECT id, ${sourceId}, type, name, parent, ${utcNow}, ${utcNow}
    FROM ${sql.unnest(
      rows.map(({ id, type, name, parentId }) => [id, type, name, parentId]),
      ['int4', 'text', 'text', 'int4'],
    )} AS d (id, type, name, parent)`)
  await advanceCounter(tx, 'source_measurement', 'id')
}

/** The measurements that a map names by id, given as JSON text: each once, parents before their children. */
function readMeasurements(content: string): NamedMeasurement[] {
  const map = tryJson(content)
  const all = isRecord(map) ? readLevel(map.Mappings, null) : []
  return [...new Map(all.map((one) => [one.id, one])).values()]
}

function readLevel(entries: unknown, parentId: number | null): NamedMeasurement[] {
  if (!Array.isArray(entries)) return []
  return entries.filter(isRecord).flatMap((entry): NamedMeasurement[] => {
    const { source_measurement_id, DataType: type, MeasurementName: name, NestedMappings: nested } = entry
    const id = Number(source_measurement_id ?? NaN)
    if (!Number.isInteger(id)) return readLevel(nested, null)
    const named = typeof type === 'string' && typeof name === 'string'
    const own = named ? [{ id, type: type.trim().toLowerCase(), name, parentId }] : []
    return [...own, ...readLevel(nested, id)]
  })
}
