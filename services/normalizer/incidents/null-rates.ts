import { z } from 'zod'
import { columnsOf } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { isoDay } from '#runtime/text/format.ts'
import type { Normalized } from '#runtime/understand/normalize.ts'

/** Leaves at one path of a source that arrived on one day (UTC, `2026-01-31`). */
type PathCount = { data_source_id: number; path: string; day: string; leaves: number; nulls: number }
export type Arrived = { data_source_id: number; received_at: number; normalized: Normalized }

/** Counts the leaves at each mapped path. Always in one order, so that transactions cannot deadlock. */
export function countPaths(payloads: readonly Arrived[]): PathCount[] {
  const days = new Map<string, Map<string, PathCount>>()
  for (const { data_source_id, received_at, normalized } of payloads) {
    const day = isoDay(received_at)
    const paths = days.get(`${data_source_id} ${day}`) ?? new Map<string, PathCount>()
    days.set(`${data_source_id} ${day}`, paths)
    const add = (path: string, nulls: number) => {
      const count = paths.get(path)
      if (!count) return void paths.set(path, { data_source_id, path, day, leaves: 1, nulls })
      count.leaves++
      count.nulls += nulls
    }
    for (const { path } of normalized.values) add(path, 0)
    for (const { path } of normalized.refused) add(path, 0)
    for (const path of normalized.nullPaths) add(path, 1)
  }
  return inOrder(days).flatMap(inOrder)
}

function inOrder<T>(map: ReadonlyMap<string, T>): T[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value)
}

const risen = z.object({
  data_source_id: z.number(),
  path: z.string(),
  day: z.string(),
  leaves: z.number(),
  nulls: z.number(),
  leaves_before: z.number(),
  nulls_before: z.number(),
})
export type RisenNulls = z.infer<typeof risen>

/** Days before, with which the nulls of a day are compared: sources that run weekly have a few in them. */
const comparedDays = 30

/** Leaves at a path that a day, and the days before together, need to be compared: fewer say nothing. */
const minLeaves = 20

/** How much larger the share of nulls must be than in the days before to be reported. */
const reportedRise = 0.5

/** Adds to the counts of each day. Returns the paths that are null much more often than in the days before. */
export async function addToNullRates(tx: Transaction, counts: readonly PathCount[]): Promise<readonly RisenNulls[]> {
  if (counts.length === 0) return []
  const column = columnsOf(counts)
  return tx.any(sql.type(risen)`
    WITH n AS (
      SELECT * FROM unnest(
        ${column('int4', (count) => count.data_source_id)},
        ${column('text', (count) => count.path)},
        ${column('date', (count) => count.day)},
        ${column('int8', (count) => count.leaves)},
        ${column('int8', (count) => count.nulls)}
      ) AS n (data_source_id, path, day, leaves, nulls)
    ), forgotten AS (
      DELETE FROM normalizer.path_day AS d USING n
      WHERE d.data_source_id = n.data_source_id AND d.path = n.path AND d.day < n.day - 2 * ${comparedDays}::int
    ), today AS (
      INSERT INTO normalizer.path_day AS d (data_source_id, path, day, leaves, nulls)
      SELECT * FROM n
      ON CONFLICT (data_source_id, path, day) DO UPDATE SET leaves = d.leaves + excluded.leaves, nulls = d.nulls + excluded.nulls
      RETURNING *
    )
    SELECT today.data_source_id, today.path, today.day::text, today.leaves, today.nulls, before.leaves AS leaves_before, before.nulls AS nulls_before
    FROM today CROSS JOIN LATERAL (
      SELECT sum(leaves)::int8 AS leaves, sum(nulls)::int8 AS nulls FROM normalizer.path_day AS d
      WHERE d.data_source_id = today.data_source_id AND d.path = today.path
        AND d.day < today.day AND d.day >= today.day - ${comparedDays}::int
    ) AS before
    WHERE today.nulls > 0 AND today.leaves >= ${minLeaves} AND before.leaves >= ${minLeaves}
      AND today.nulls::float8 / today.leaves - before.nulls::float8 / before.leaves >= ${reportedRise}::float8`)
}

const nullsRow = z.object({
  data_source_id: z.number(),
  path: z.string(),
  day: z.string(),
  leaves: z.number(),
  nulls: z.number(),
})

/** The newest counts of these paths that suffice to compare. */
export async function readNullRates(
  tx: Transaction,
  places: readonly { data_source_id: number; path: string }[],
): Promise<readonly z.infer<typeof nullsRow>[]> {
  const column = columnsOf(places)
  return tx.any(sql.type(nullsRow)`
    SELECT n.data_source_id, n.path, d.day::text, d.leaves, d.nulls
    FROM unnest(
      ${column('int4', ({ data_source_id }) => data_source_id)},
      ${column('text', ({ path }) => path)}
    ) AS n (data_source_id, path)
    CROSS JOIN LATERAL (
      SELECT day, leaves, nulls FROM normalizer.path_day AS p
      WHERE p.data_source_id = n.data_source_id AND p.path = n.path AND p.leaves >= ${minLeaves}
      ORDER BY day DESC LIMIT 1
    ) AS d`)
}
