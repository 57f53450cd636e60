import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { backward, id, isForward, time, timeOf } from '../ask/parameters.ts'
import { text } from '../http/validation.ts'

/** Filters of the page. Its address holds them. */
export const refusedQuery = z
  .object({
    source: id.optional(),
    reason: text(100).optional(),
    path: text(2000).optional(),
    event: z.guid().optional().describe('Only of this payload.'),
    since: time.optional(),
    until: time.optional(),
    show: z.enum(['open', 'all']).default('open').describe('all: also what is ignored.'),
    change: z.uuid().optional().describe('A change that was just asked for.'),
  })
  .refine(isForward, backward)
export type RefusedQuery = z.output<typeof refusedQuery>

const groupRow = z.object({
  data_source_id: z.number(),
  source: z.string(),
  path: z.string(),
  reason: z.string(),
  ignored: z.boolean(),
  payloads: z.number(),
  leaves: z.number(),
  companies: z.number(),
  oldest: z.number(),
  newest: z.number(),
  samples: z.array(z.string()),
  event_id: z.string(),
  map_version: z.number().nullable(),
})
export type RefusedGroup = z.output<typeof groupRow>

/** Groups of a page: the largest. A filter shows others. */
export const mostGroups = 100

/** What is refused and still open, by source, path and reason, the largest groups first. */
export async function readRefused(database: Database, query: RefusedQuery): Promise<readonly RefusedGroup[]> {
  const { source = null, reason = null, path = null, event = null, since, until, show } = query
  return database.any(sql.type(groupRow)`
    SELECT data_source_id, max(source_name) AS source, path, reason, bool_and(ignored) AS ignored,
      count(DISTINCT event_no)::int AS payloads, sum(leaves)::float8 AS leaves, count(DISTINCT company_id)::int AS companies,
      min(refused_at) AS oldest, max(refused_at) AS newest,
      (array_agg(DISTINCT left(sample, 200)))[1:3] AS samples,
      (array_agg(event_id ORDER BY event_no DESC))[1] AS event_id,
      (array_agg(map_version ORDER BY event_no DESC))[1] AS map_version
    FROM normalizer.refusal_view
    WHERE (data_source_id = ${source} OR ${source}::int IS NULL)
      AND (reason = ${reason} OR ${reason}::text IS NULL)
      AND (path = ${path} OR ${path}::text IS NULL)
      AND (event_id = ${event?.toLowerCase() ?? null} OR ${event}::text IS NULL)
      AND (refused_at >= ${timeOf(since)}::timestamptz OR ${timeOf(since)}::timestamptz IS NULL)
      AND (refused_at < ${timeOf(until)}::timestamptz OR ${timeOf(until)}::timestamptz IS NULL)
      AND (NOT ignored OR ${show === 'all'})
    GROUP BY data_source_id, path, reason
    ORDER BY payloads DESC, leaves DESC, data_source_id, path, reason LIMIT ${mostGroups + 1}`)
}

const choiceRow = z.object({
  sources: z.array(z.object({ id: z.number(), name: z.string() })),
  reasons: z.array(z.string()),
})
export type RefusedChoices = z.output<typeof choiceRow>

/** The sources and reasons of what is open, which the filter offers. */
export function readChoices(database: Database): Promise<RefusedChoices> {
  return database.one(sql.type(choiceRow)`
    WITH open AS (SELECT DISTINCT data_source_id, source_name, reason FROM normalizer.refusal_view)
    SELECT
      (SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'name', name) ORDER BY name, id), '[]') FROM (
        SELECT data_source_id AS id, max(source_name) AS name FROM open GROUP BY data_source_id) s) AS sources,
      (SELECT coalesce(array_agg(DISTINCT reason ORDER BY reason), '{}') FROM open) AS reasons`)
}
