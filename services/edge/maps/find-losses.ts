import { z } from 'zod'
import { listEntries } from '#runtime/module/list-entries.ts'
import { columnsOf } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'

export const mapLoss = z.object({
  kind: z.enum(['lost-measurement', 'retyped-measurement']),
  /** In the map in force. */
  path: z.string(),
  measurement: z.number(),
  name: z.string(),
  was: z.string(),
  /** The type that it would have; null: it would be gone. */
  is: z.string().nullable(),
  policy: z.enum(['ignore', 'tell', 'pause', 'wait']),
})

/** A measurement with history that a map would no longer have, or would have with another type, and what is done then. */
export type MapLoss = z.output<typeof mapLoss>

/** What the second map would lose of the first one, of measurements that have values. Both are JSON text. */
export async function findLosses(tx: Transaction, sourceId: number, before: string, after: string): Promise<MapLoss[]> {
  const later = new Map(listEntries(after).map(({ id, type }) => [id, type]))
  const found = listEntries(before).flatMap(({ id, path, name, type: was }) => {
    const is = id === null ? was : (later.get(id) ?? null)
    // The normalizer makes an int measurement a float one of its own accord.
    if (id === null || is === was || (was === 'int' && is === 'float')) return []
    return [{ kind: is === null ? 'lost-measurement' : 'retyped-measurement', path, measurement: id, name, was, is }]
  })
  if (found.length === 0) return []
  const column = columnsOf(found)
  const rows = await tx.any(sql.type(mapLoss)`
    SELECT n.kind, n.path, n.measurement, n.name, n.was, n.later AS "is", coalesce((
      SELECT p.policy FROM normalizer.drift_policy p
      WHERE p.data_source_id = ${sourceId} AND p.kind IN ('', n.kind) AND p.path IN ('', n.path)
      ORDER BY p.path = '', p.kind = '' LIMIT 1
    ), 'tell') AS policy
    FROM unnest(
      ${column('text', ({ kind }) => kind)}, ${column('text', ({ path }) => path)},
      ${column('int4', ({ measurement }) => measurement)}, ${column('text', ({ name }) => name)},
      ${column('text', ({ was }) => was)}, ${column('text', ({ is }) => is)}
    ) AS n (kind, path, measurement, name, was, later)
    WHERE EXISTS (
      SELECT FROM public.company_source_measurement s
      WHERE s.source_measurement_id = n.measurement
        AND EXISTS (SELECT FROM normalizer.value v WHERE v.company_measurement_id = s.company_measurement_id)
    )
    ORDER BY n.path`)
  return [...rows]
}

/** What a map loses, in words. */
export function describeLosses(losses: readonly Pick<MapLoss, 'name' | 'path' | 'was' | 'is'>[]): string {
  const some = losses.slice(0, 5).map(({ name, path, was, is }) => {
    const what = name === path ? name : `${name} (${path})`
    return is === null ? `no longer has ${what}` : `makes ${what} ${is} instead of ${was}`
  })
  const more = losses.length - some.length
  return some.join(', ') + (more > 0 ? `, and ${more} more` : '')
}
