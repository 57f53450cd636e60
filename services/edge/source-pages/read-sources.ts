import { z } from 'zod'
import { type Database, sql, type SqlFragment } from '#runtime/postgres/database.ts'
import { policyRow } from '#runtime/plan/read-policy.ts'
import { allOf, contains } from '../ask/names.ts'
import { paging, words } from '../ask/parameters.ts'
import { cutPage, readCursor } from '../http/cursor.ts'

/** Runs of a source that its row shows. */
const shownRuns = 14
const pageSize = 40

export const sourcesPath = '/console/sources'

export const sourcesPageQuery = z.object({
  q: words.optional().describe('Part of the name.'),
  show: z
    .enum(['all', 'red', 'paused', 'off'])
    .default('all')
    .describe('`red`: down, stale or suspect. `off`: switched off.'),
  cursor: paging.cursor,
})

export type SourcesPageQuery = z.output<typeof sourcesPageQuery>

const run = z.object({
  task_id: z.int(),
  started_at: z.number(),
  fed: z.int(),
  error_count: z.int(),
  outcome: z.enum(['ok', 'partial', 'failed']).nullable(),
  regular: z.boolean(),
})

export type ShownRun = z.output<typeof run>

const incident = z.object({ kind: z.string(), message: z.string(), opened_at: z.number() })

const sourceRow = z.object({
  id: z.int(),
  name: z.string(),
  description: z.string().nullable(),
  endpoint: z.string(),
  active: z.boolean(),
  frequency: z.enum(['HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY']),
  max_run_seconds: z.int(),
  created_at: z.number(),
  companies: z.int(),
  measurements: z.int(),
  map_version: z.int().nullable(),
  health: z
    .object({ status: z.string(), reason: z.string().nullable(), since: z.number(), uptime: z.number() })
    .nullable(),
  /** Open ones of the whole source: down, stale, due, suspect. */
  incidents: z.array(incident),
  runs: z.array(run),
  policy: policyRow
    .extend({
      paused: z.boolean(),
      paused_at: z.number().nullable(),
      paused_until: z.number().nullable(),
      pause_reason: z.string().nullable(),
      revision: z.int(),
    })
    .nullable(),
  latest: z.number().nullable(),
  earliest: z.number().nullable(),
  last_missed: z
    .object({ from: z.number(), to: z.number(), reason: z.enum(['inactive', 'paused', 'superseded', 'late']) })
    .nullable(),
  waiting: z.array(z.object({ task_id: z.int(), slot: z.number() })),
  running: z.int().nullable(),
  observed_at: z.number().nullable(),
  every_ms: z.number().nullable(),
})

/** A source as the desk shows it. Times are ms since 1970. */
export type DeskSource = z.output<typeof sourceRow>

export type SourcesView = { sources: DeskSource[]; next: string | null }

const position = z.tuple([z.int32()])

/** Sources by id, a page at a time. Throws an HttpError with 400 for a wrong cursor. */
export async function readSourcesPage(database: Database, query: SourcesPageQuery): Promise<SourcesView> {
  const { q, show, cursor } = query
  const asked = { route: sourcesPath, parameters: query }
  const after = cursor === undefined ? null : readCursor(position, asked, cursor)
  const which = allOf([
    q === undefined ? null : contains(sql.fragment`d.source_name`, q),
    shown[show],
    after && sql.fragment`d.id > ${after[0]}`,
  ])
  const found = await readRows(database, which, pageSize + 1)
  const { rows: sources, next } = cutPage(asked, found, pageSize, ({ id }) => [id])
  return { sources, next }
}

/** One source; null: it does not exist. */
export async function readDeskSource(database: Database, id: number): Promise<DeskSource | null> {
  const [found = null] = await readRows(database, sql.fragment`d.id = ${id}`, 1)
  return found
}

const isPausedNow = sql.fragment`(p.paused_at IS NOT NULL AND coalesce(p.paused_until > now(), true))`

const shown: Record<SourcesPageQuery['show'], SqlFragment | null> = {
  all: null,
  off: sql.fragment`NOT d.is_active`,
  paused: sql.fragment`d.id IN (SELECT data_source_id FROM scheduler.plan_view p WHERE ${isPausedNow})`,
  red: sql.fragment`d.id IN (
    SELECT data_source_id FROM scheduler.incident_view WHERE resolved_at IS NULL AND company_id IS NULL
    UNION SELECT data_source_id FROM analyzer.suspect_run_view
    UNION SELECT data_source_id FROM analyzer.incident_text_view WHERE resolved_at IS NULL AND company_id IS NULL)`,
}

/** SQL of a time as ms since 1970, also in JSON. */
const ms = (time: SqlFragment) => sql.fragment`(extract(epoch FROM ${time}) * 1000)::float8`

/** The open incidents of a whole source, those that stopped it first. */
const incidentsOf = sql.fragment`
  SELECT json_agg(json_build_object('kind', kind, 'message', message, 'opened_at', ${ms(sql.fragment`opened_at`)})
    ORDER BY opened_at) AS incidents
  FROM (
    SELECT kind, message, opened_at FROM scheduler.incident_view
    WHERE data_source_id = d.id AND company_id IS NULL AND resolved_at IS NULL
    UNION ALL SELECT kind, message, opened_at FROM analyzer.incident_text_view
    WHERE data_source_id = d.id AND company_id IS NULL AND resolved_at IS NULL
    UNION ALL SELECT 'suspect-run', coalesce(message, ''), suspected_at FROM analyzer.suspect_run_view
    WHERE data_source_id = d.id
  ) i`

const planOfSource = sql.fragment`
  SELECT json_build_object('cron', cron, 'zone', zone, 'jitter_seconds', jitter_seconds, 'window_from', window_from,
    'window_to', window_to, 'catch_up', catch_up, 'max_attempts', max_attempts, 'backoff_seconds', backoff_seconds,
    'may_overlap', may_overlap, 'paused', ${isPausedNow}, 'paused_at', ${ms(sql.fragment`paused_at`)},
    'paused_until', ${ms(sql.fragment`paused_until`)}, 'pause_reason', pause_reason, 'revision', revision) AS policy
  FROM scheduler.plan_view p WHERE data_source_id = d.id`

function readRows(database: Database, which: SqlFragment, limit: number): Promise<readonly DeskSource[]> {
  return database.any(sql.type(sourceRow)`
    WITH d AS MATERIALIZED (SELECT * FROM public.data_source d WHERE ${which} ORDER BY d.id LIMIT ${limit}),
    task AS (
      SELECT data_source_id, min(task_id) FILTER (WHERE status = 'PROCESSING') AS running,
        json_agg(json_build_object('task_id', task_id, 'slot', ${ms(sql.fragment`scheduled_at AT TIME ZONE 'UTC'`)}))
          FILTER (WHERE status = 'PENDING' AND schedule_type = 'REGULAR' AND attempts = 0) AS waiting
      FROM public.scheduled_task
      WHERE status IN ('PENDING', 'PROCESSING') AND data_source_id IN (SELECT id FROM d) GROUP BY data_source_id
    )
    SELECT d.id, d.source_name AS name, d.description, d.invocation_endpoint AS endpoint, d.is_active AS active,
      d.frequency::text AS frequency, d.max_run_seconds, ${ms(sql.fragment`d.created_at AT TIME ZONE 'UTC'`)} AS created_at,
      (SELECT count(*)::int FROM public.company_data_source l WHERE l.data_source_id = d.id) AS companies,
      (SELECT count(*)::int FROM public.source_measurement m WHERE m.source_module_id = d.id) AS measurements,
      (SELECT max(version) FROM edge.normalization_map m WHERE m.data_source_id = d.id) AS map_version,
      h.health, coalesce(i.incidents, '[]') AS incidents, coalesce(r.runs, '[]') AS runs, p.policy,
      ran.latest, ran.earliest, missed.last_missed, coalesce(task.waiting, '[]') AS waiting, task.running,
      f.observed_at, f.every_ms
    FROM d
    LEFT JOIN task ON task.data_source_id = d.id
    LEFT JOIN LATERAL (
      SELECT json_build_object('status', status, 'reason', reason, 'since', ${ms(sql.fragment`since`)},
        'uptime', uptime) AS health
      FROM scheduler.source_health h WHERE h.data_source_id = d.id
    ) h ON true
    LEFT JOIN LATERAL (${incidentsOf}) i ON true
    LEFT JOIN LATERAL (${planOfSource}) p ON true
    LEFT JOIN LATERAL (
      SELECT json_agg(json_build_object('task_id', task_id, 'started_at', ${ms(sql.fragment`started_at`)}, 'fed', fed,
        'error_count', error_count, 'outcome', outcome, 'regular', schedule_type = 'REGULAR') ORDER BY started_at) AS runs
      FROM (
        SELECT * FROM scheduler.run_view r WHERE r.data_source_id = d.id AND r.started_at IS NOT NULL
        ORDER BY r.started_at DESC LIMIT ${shownRuns}
      ) r
    ) r ON true
    LEFT JOIN LATERAL (
      SELECT ${ms(sql.fragment`max(slot)`)} AS latest, ${ms(sql.fragment`min(slot)`)} AS earliest
      FROM scheduler.run_view r WHERE r.data_source_id = d.id AND r.schedule_type = 'REGULAR'
    ) ran ON true
    LEFT JOIN LATERAL (
      SELECT json_build_object('from', ${ms(sql.fragment`from_slot`)}, 'to', ${ms(sql.fragment`to_slot`)},
        'reason', reason) AS last_missed
      FROM scheduler.missed_view m WHERE m.data_source_id = d.id ORDER BY to_slot DESC LIMIT 1
    ) missed ON true
    LEFT JOIN LATERAL (
      SELECT ${ms(sql.fragment`max(observed_at)`)} AS observed_at,
        percentile_disc(0.5) WITHIN GROUP (ORDER BY every_ms) AS every_ms
      FROM analyzer.feed_view f WHERE f.data_source_id = d.id
    ) f ON true
    ORDER BY d.id`)
}
