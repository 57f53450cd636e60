import { z } from 'zod'
import type { Limited } from '#runtime/calls/limit-work.ts'
import { includesRole } from '#runtime/changes/roles.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { notOwned } from '../access/access.ts'
import type { Caller } from '../access/token.ts'
import type { Viewer } from '../access/viewer.ts'
import type { Bounded } from '../http/deadline.ts'
import { HttpError, unavailable } from '../http/http-error.ts'
import { json, type RouteResponse } from '../http/response.ts'
import { lenient, validate } from '../http/validation.ts'
import type { RouteDoc, RouteRequest } from '../server/route.ts'
import { remedies } from '../trace/event-reasons.ts'
import { toLookupFailure } from '../trace/event-views.ts'

/** As long as edge.source_bytes is kept. */
const maxDays = 31

const params = z.object({ source_id: lenient(z.int32().min(1)) })
const query = z.object({
  days: lenient(z.int32().min(1).max(maxDays)).default(7).describe('Days (UTC), today included.'),
})

export type UsageDay = z.output<typeof usageDay>
const usageDay = z.object({
  day: z.iso.date(),
  payloads: z.int().describe('Payloads of this day that have been processed. One that was sent again counts once.'),
  refused: z
    .record(z.string(), z.int())
    .describe('Of these, those of which nothing could be stored as values, by reason.'),
  values: z.int().describe('Leaves that were stored as values.'),
  refused_values: z.int().describe('Leaves that the map has and that could not be stored.'),
  bytes: z
    .int()
    .nullable()
    .describe(
      'Bytes of payloads and ends of tasks that the edge took, unpacked, to within some seconds. Null: none is counted.',
    ),
})

const usage = z.object({ source_id: z.int(), days: z.array(usageDay).describe('The newest first.') })

export const usageDoc: RouteDoc = {
  summary: 'What a data source has sent, by day.',
  params,
  query,
  responses: {
    200: { description: 'The days.', schema: usage },
    403: { description: 'The token belongs to another source, or the person is no operator.' },
    404: { description: 'No data source with this id is known.' },
  },
}

export type UsageDeps = {
  database: Database
  bounded: Bounded
  /** Limits how many large reads run at once. */
  limited: Limited
}

/** GET /api/v1/sources/{source_id}/usage. Payloads that the edge refuses are answered, and counted nowhere. */
export function readUsage({ database, bounded, limited }: UsageDeps) {
  return async (request: RouteRequest, caller: Viewer | Caller): Promise<RouteResponse> => {
    const { source_id } = validate(params, request.params, 'path')
    const { days } = validate(query, request.query, 'query')
    requireMaySee(caller, source_id)
    const found = await bounded(limited(() => readDays(database, source_id, days))).catch(toLookupFailure)
    if (typeof found === 'string') throw unavailable(remedies[found])
    if (found === null) throw unknownSource()
    return json(200, { source_id, days: found }, { 'cache-control': 'private, no-cache' })
  }
}

function requireMaySee(caller: Viewer | Caller, sourceId: number): void {
  if ('sourceId' in caller) {
    if (caller.sourceId !== sourceId) throw notOwned('source_id', sourceId, caller)
  } else if (caller.userId !== null && !includesRole(caller.role, 'operator'))
    throw new HttpError(403, `What sources send is for operators. "${caller.name}" has the role ${caller.role}.`)
}

function unknownSource(): HttpError {
  const remedy = 'Take the id from GET /api/v1/sources. It may have been deleted.'
  return new HttpError(404, 'No data source with this id is known.', {}, { type: 'unknown-source', remedy })
}

const idRow = z.object({ id: z.int() })

/** What a source has sent on the last days, the newest first; null: there is none with this id. */
export async function readDays(
  database: Database,
  sourceId: number,
  days: number,
): Promise<readonly UsageDay[] | null> {
  const known = await database.maybeOne(sql.type(idRow)`SELECT id FROM public.data_source WHERE id = ${sourceId}`)
  if (known === null) return null
  return database.any(sql.type(usageDay)`
    WITH today AS (SELECT (now() AT TIME ZONE 'UTC')::date AS day),
    wanted AS (SELECT (today.day - ago)::date AS day FROM today, generate_series(0, ${days - 1}::int) AS ago),
    counted AS (
      SELECT (received_at AT TIME ZONE 'UTC')::date AS day, reason, count(*)::int AS payloads,
        sum(stored)::int AS stored, sum(refused)::int AS refused
      FROM normalizer.lineage
      WHERE data_source_id = ${sourceId} AND replay_id = ''
        AND received_at >= (SELECT min(day) FROM wanted)::timestamp AT TIME ZONE 'UTC'
      GROUP BY 1, 2
    )
    SELECT wanted.day::text AS day, coalesce(sum(payloads), 0)::int AS payloads,
      coalesce(jsonb_object_agg(reason, payloads) FILTER (WHERE reason IS NOT NULL), '{}') AS refused,
      coalesce(sum(stored), 0)::int AS values, coalesce(sum(refused), 0)::int AS refused_values,
      (SELECT bytes FROM edge.source_bytes b WHERE b.day = wanted.day AND b.data_source_id = ${sourceId}) AS bytes
    FROM wanted LEFT JOIN counted USING (day)
    GROUP BY wanted.day ORDER BY wanted.day DESC`)
}
