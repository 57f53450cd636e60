import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { type Asked, cutPage, readCursor } from '../http/cursor.ts'
import { utcIso, utcTime } from '../http/time.ts'
import type { Viewer } from '../access/viewer.ts'
import { mayRead, maySeeInternals } from './may-read.ts'
import { allOf, contains } from './names.ts'
import { format, paging, words } from './parameters.ts'

const newestRuns = 5

export const sourcesQuery = z.object({ q: words.optional().describe('Part of the name.'), ...paging, format })

export type SourcesQuery = z.output<typeof sourcesQuery>

const run = z.object({
  task_id: z.int(),
  schedule_type: z.string(),
  slot: utcTime,
  attempt: z.int(),
  started_at: utcTime.nullable(),
  finished_at: utcTime.nullable(),
  fed: z.int().describe('Payloads.'),
  error_count: z.int(),
  outcome: z.string().nullable().describe('ok, partial or failed; null: not known yet.'),
  reason: z.string().nullable(),
})

const sourceItem = z.object({
  id: z.int(),
  name: z.string(),
  description: z.string().nullable(),
  active: z.boolean(),
  frequency: z.string(),
  companies: z.int(),
  measurements: z.int(),
  health: z
    .object({
      status: z.string(),
      reason: z.string().nullable(),
      since: utcTime,
      uptime: z.number().describe('A share of the time since it is known.'),
      runs: z.int(),
      runs_ok: z.int(),
      runs_partial: z.int(),
      runs_failed: z.int(),
      last_ok_at: utcTime.nullable(),
    })
    .nullable()
    .describe('Null: it has not run yet.'),
  runs: z.array(run).describe(`The newest ${newestRuns}, for operators. Others get none, and no reasons.`),
})

export const sourcesPage = z.object({ sources: z.array(sourceItem), next: z.string().nullable() })

export type SourcesPage = z.output<typeof sourcesPage>

const position = z.tuple([z.int32()])

/**
 * In the order of their ids. People see all sources, as in parma-web, and count their own companies. What modules say of
 * their runs is for operators. Throws an HttpError with 400 for a wrong cursor.
 */
export async function listSources(
  database: Database,
  viewer: Viewer,
  query: SourcesQuery,
  asked: Asked,
): Promise<SourcesPage> {
  const { q, limit, cursor } = query
  const after = cursor === undefined ? null : readCursor(position, asked, cursor)
  const found = await database.any(sql.type(sourceItem)`
    SELECT d.id, d.source_name AS name, d.description, d.is_active AS active, d.frequency::text AS frequency,
      (SELECT count(*)::int FROM public.company_data_source l
        WHERE l.data_source_id = d.id AND ${mayRead(viewer, sql.fragment`l.company_id`)}) AS companies,
      (SELECT count(*)::int FROM public.source_measurement m WHERE m.source_module_id = d.id) AS measurements,
      h.health, coalesce(r.runs, '[]') AS runs
    FROM public.data_source d
    LEFT JOIN LATERAL (
      SELECT json_build_object('status', h.status, 'reason', h.reason, 'since', ${utcIso(sql.fragment`h.since`)},
        'uptime', round(h.uptime::numeric, 4), 'runs', h.runs, 'runs_ok', h.runs_ok, 'runs_partial', h.runs_partial,
        'runs_failed', h.runs_failed, 'last_ok_at', ${utcIso(sql.fragment`h.last_ok_at`)}) AS health
      FROM scheduler.source_health h WHERE h.data_source_id = d.id
    ) h ON true
    LEFT JOIN LATERAL (
      SELECT json_agg(json_build_object('task_id', r.task_id, 'schedule_type', r.schedule_type,
        'slot', ${utcIso(sql.fragment`r.slot`)}, 'attempt', r.attempt, 'started_at', ${utcIso(sql.fragment`r.started_at`)},
        'finished_at', ${utcIso(sql.fragment`r.finished_at`)}, 'fed', r.fed, 'error_count', r.error_count,
        'outcome', r.outcome, 'reason', r.reason) ORDER BY r.started_at DESC) AS runs
      FROM (
        SELECT * FROM scheduler.run_view r WHERE r.data_source_id = d.id AND r.started_at IS NOT NULL
        ORDER BY r.started_at DESC LIMIT ${newestRuns}
      ) r
    ) r ON true
    WHERE ${allOf([
      q === undefined ? null : contains(sql.fragment`d.source_name`, q),
      after && sql.fragment`d.id > ${after[0]}`,
    ])}
    ORDER BY d.id LIMIT ${limit + 1}`)
  const { rows: sources, next } = cutPage(asked, found, limit, ({ id }) => [id])
  return { sources: maySeeInternals(viewer) ? sources : sources.map(withoutInternals), next }
}

function withoutInternals(source: SourcesPage['sources'][number]): SourcesPage['sources'][number] {
  return { ...source, health: source.health && { ...source.health, reason: null }, runs: [] }
}

/** Columns of the CSV file. */
export const sourceColumns = [
  ...(['id', 'name', 'active', 'frequency', 'companies', 'measurements', 'status', 'since', 'uptime'] as const),
  ...(['last_ok_at', 'last_run_at', 'last_outcome'] as const),
] as const

/** A source as a row of a table. */
export function flattenSource({ health, runs, ...source }: SourcesPage['sources'][number]) {
  const [newest] = runs
  return {
    ...{ ...source, status: health?.status ?? null, since: health?.since ?? null, uptime: health?.uptime ?? null },
    ...{ last_ok_at: health?.last_ok_at ?? null, last_run_at: newest?.started_at ?? null },
    last_outcome: newest?.outcome ?? null,
  }
}
