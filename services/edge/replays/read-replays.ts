import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { utcIso, utcTime } from '../http/time.ts'

const counts = { added: z.int(), changed: z.int(), removed: z.int() }

/** What the normalizer has found. */
const report = z.looseObject({
  ...counts,
  same: z.int(),
  kept: z.int().describe('Values that somebody corrected: they stay.'),
  payloads: z.int().describe('Payloads with a difference.'),
  paths: z.record(z.string(), z.looseObject(counts)),
  problems: z.record(z.string(), z.int()).describe('Payloads that could not be read, by reason.'),
  samples: z.array(
    z.looseObject({
      ...{ event_id: z.string(), company_id: z.string(), observed_at: z.string(), path: z.string() },
      ...{ item: z.string().nullable(), before: z.string().nullable(), after: z.string().nullable() },
    }),
  ),
})

export const replaySchema = z.object({
  replay: z.int(),
  source: z.object({ id: z.int(), name: z.string() }),
  mode: z.string().describe('compare, fill or replace.'),
  map: z.string().describe('then, now, or a version.'),
  map_version: z.int().nullable(),
  state: z.string().describe('running, paused, done, canceled or failed.'),
  message: z.string(),
  done: z.int().describe('Payloads read so far.'),
  total: z.int(),
  from: utcTime.nullable(),
  to: utcTime.nullable(),
  companies: z.array(z.string()).nullable().describe('Null: all.'),
  reason: z.string(),
  actor: z.string(),
  asked_at: utcTime,
  finished_at: utcTime.nullable(),
  report: report.nullable().describe('Null: nothing has been read yet.'),
})
export type Replay = z.output<typeof replaySchema>

/** The newest replays, or one of them. */
export function readReplays(database: Database, count: number, replay: number | null): Promise<readonly Replay[]> {
  return database.any(sql.type(replaySchema)`
    SELECT replay_no AS replay, json_build_object('id', data_source_id, 'name', source_name) AS source, mode, map,
      map_version, state, message, done, total, ${utcIso(sql.fragment`observed_from`)} AS "from",
      ${utcIso(sql.fragment`observed_to`)} AS "to", companies, reason, actor, ${utcIso(sql.fragment`asked_at`)} AS asked_at,
      ${utcIso(sql.fragment`finished_at`)} AS finished_at, nullif(report, '{}') AS report
    FROM normalizer.replay_view WHERE ${replay}::bigint IS NULL OR replay_no = ${replay}
    ORDER BY replay_no DESC LIMIT ${count}`)
}

const sourceRow = z.object({ id: z.number(), name: z.string() })

export function readSources(database: Database): Promise<readonly z.output<typeof sourceRow>[]> {
  return database.any(sql.type(sourceRow)`
    SELECT id, source_name AS name FROM public.data_source ORDER BY source_name, id`)
}

const countRow = z.object({
  payloads: z.number(),
  companies: z.number(),
  first: z.string().nullable(),
  last: z.string().nullable(),
})

/** How much a replay of a source would read, before it begins. */
export function countPayloads(
  database: Database,
  { source, company, from, to }: { source: number; company?: number | undefined; from?: string; to?: string },
): Promise<z.output<typeof countRow>> {
  return database.one(sql.type(countRow)`
    SELECT count(*)::int AS payloads, count(DISTINCT company_id)::int AS companies,
      ${utcIso(sql.fragment`min(observed_at)`)} AS first, ${utcIso(sql.fragment`max(observed_at)`)} AS last
    FROM normalizer.lineage
    WHERE data_source_id = ${source} AND replay_id = ''
      AND (${company ?? null}::int IS NULL OR company_id = ${company ?? null}::int::text)
      AND (${from ?? null}::timestamptz IS NULL OR observed_at >= ${from ?? null}::timestamptz)
      AND (${to ?? null}::timestamptz IS NULL OR observed_at < ${to ?? null}::timestamptz)`)
}
