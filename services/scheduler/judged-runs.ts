import { z } from 'zod'
import { column } from '#runtime/postgres/column.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import { formatTime } from '#runtime/text/format.ts'
import { epochMs } from './times.ts'
import type { Config } from './config.ts'
import { type Health, judgeHealth } from './judge-health.ts'
import { closeIncidents, openIncidents, type Incident } from './incidents.ts'

const unjudgedRow = z.object({
  task_id: z.number(),
  data_source_id: z.number(),
  failed: z.boolean(),
  excused: z.boolean(),
  /** A planned run of all companies that fed something: a company without a payload in it is stale. */
  is_measure: z.boolean(),
})
type UnjudgedRun = z.output<typeof unjudgedRow>

const runsAtOnce = 200

/** Whether run `r` failed: it has no finish record, or it has errors and fed nothing. */
const failed = sql.fragment`(r.outcome = 'failed' OR r.finished_at IS NULL)`

/**
 * Counts the outcomes of runs for the health of their sources and companies, writes the health to the columns that
 * parma-web shows, and opens and closes the incidents about it. Each run counts once. Returns how many runs it counted.
 */
export function judgeRuns({ DOWN_AFTER_RUNS }: Pick<Config, 'DOWN_AFTER_RUNS'>, database: Database): Promise<number> {
  return database.transaction(async (tx) => {
    const all = await tx.any(sql.type(unjudgedRow)`
      SELECT r.task_id, r.data_source_id, ${failed} AS failed, r.excused,
        NOT ${failed} AND r.fed > 0 AND r.schedule_type = 'REGULAR' AND r.only_companies IS NULL AS is_measure
      FROM scheduler.run r WHERE NOT judged AND outcome IS NOT NULL
      ORDER BY task_id LIMIT ${runsAtOnce} FOR UPDATE SKIP LOCKED`)
    // One run of each source at a time, so that two failed runs count as two.
    const runs = [...new Map([...all].reverse().map((run) => [run.data_source_id, run])).values()]
    const counted = runs.filter(({ excused }) => !excused)
    if (counted.length > 0) {
      await writeSources(
        tx,
        counted.map(({ data_source_id }) => data_source_id),
        DOWN_AFTER_RUNS,
      )
      await writeCompanies(tx, counted, DOWN_AFTER_RUNS)
      await openMissing(
        tx,
        counted.filter(({ is_measure }) => is_measure),
      )
    }
    if (runs.length > 0)
      await tx.query(sql.unsafe`UPDATE scheduler.run SET judged = true WHERE task_id = ANY(${idsOf(runs)})`)
    return runs.length
  })
}

function idsOf(runs: readonly UnjudgedRun[]) {
  return column(runs, 'int4', ({ task_id }) => task_id)
}

const sourceRow = z.object({
  id: z.number(),
  name: z.string(),
  shown: z.enum(['UP', 'DOWN']),
  status: z.enum(['UP', 'DOWN']).nullable(),
  runs: z.array(z.object({ failed: z.boolean(), reason: z.string().nullable() })),
})

async function writeSources(tx: Transaction, sourceIds: readonly number[], runsToDown: number): Promise<void> {
  // A source that another transaction holds is skipped. Its next run writes the status.
  const sources = await tx.any(sql.type(sourceRow)`
    WITH source AS (
      SELECT id, source_name, health_status FROM public.data_source
      WHERE id = ANY(${sql.array([...sourceIds], 'int4')}) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
    )
    SELECT s.id, s.source_name AS name, s.health_status::text AS shown, h.status, coalesce(newest.runs, '[]') AS runs
    FROM source s LEFT JOIN scheduler.health h ON h.data_source_id = s.id
    LEFT JOIN LATERAL (
      SELECT json_agg(json_build_object('failed', failed, 'reason', reason) ORDER BY started_at DESC) AS runs FROM (
        SELECT ${failed} AS failed, r.reason, r.started_at FROM scheduler.run r
        WHERE r.data_source_id = s.id AND r.outcome IS NOT NULL AND NOT r.excused AND r.started_at IS NOT NULL
        ORDER BY r.started_at DESC LIMIT ${runsToDown}) AS last
    ) AS newest ON true`)
  const judged = sources.map((source) => {
    const status = judgeHealth(source.status ?? source.shown, source.runs, runsToDown)
    return { ...source, next: status, reason: status === 'DOWN' ? (source.runs[0]?.reason ?? 'unknown') : null }
  })
  await tx.query(sql.unsafe`
    INSERT INTO scheduler.health AS h (data_source_id, status, reason, since, known_since)
    SELECT id, status, reason, now(), now()
    FROM ${sql.unnest(
      judged.map(({ id, next, reason }) => [id, next, reason]),
      ['int4', 'text', 'text'],
    )} AS n (id, status, reason)
    ON CONFLICT (data_source_id) DO UPDATE
    SET status = excluded.status, reason = excluded.reason,
      since = CASE WHEN h.status = excluded.status THEN h.since ELSE now() END,
      down_seconds = h.down_seconds + CASE WHEN h.status = 'DOWN' AND excluded.status = 'UP'
        THEN extract(epoch FROM now() - h.since) ELSE 0 END`)
  const shown = judged.filter(({ shown, next }) => shown !== next)
  if (shown.length > 0)
    await tx.query(sql.unsafe`
      UPDATE public.data_source s SET health_status = n.status::public.health_status, modified_at = ${utcNow}
      FROM ${sql.unnest(
        shown.map(({ id, next }) => [id, next]),
        ['int4', 'text'],
      )} AS n (id, status)
      WHERE s.id = n.id`)
  const of = (status: Health) => judged.filter(({ next }) => next === status)
  await openIncidents(
    tx,
    of('DOWN').map(({ id, name, reason }) => ({
      kind: 'source-down',
      data_source_id: id,
      company_id: null,
      subject: name,
      message: `${name} is down: its last ${runsToDown} runs failed. Last reason: ${reason}. Check its module, then run \`parma schedule run ${id}\`.`,
      facts: { reason: reason ?? '', runs: String(runsToDown) },
    })),
  )
  await closeIncidents(
    tx,
    of('UP').map(({ id }) => ({ kind: 'source-down', data_source_id: id, company_id: null })),
  )
}

/**
 * A run failed for a company when it fed nothing about it and either the module reported an error or the whole run
 * failed. Any other run of this company ends the row of failures.
 */
async function writeCompanies(tx: Transaction, runs: readonly UnjudgedRun[], runsToDown: number): Promise<void> {
  await tx.query(sql.unsafe`
    WITH asked AS (
      SELECT r.task_id, r.data_source_id, l.company_id,
        (${failed} OR coalesce(r.companies_failed ? l.company_id::text, false)) AND c.last_fed_task IS DISTINCT FROM r.task_id AS failed,
        coalesce(r.companies_failed ->> l.company_id::text, r.reason) AS reason
      FROM scheduler.run r
      JOIN public.company_data_source l USING (data_source_id)
      LEFT JOIN scheduler.company_source c USING (data_source_id, company_id)
      WHERE r.task_id = ANY(${idsOf(runs)}) AND (r.only_companies IS NULL OR l.company_id = ANY(r.only_companies))
    )
    INSERT INTO scheduler.company_source AS c (data_source_id, company_id, failed_runs, last_failed_task, reason)
    SELECT data_source_id, company_id, CASE WHEN failed THEN 1 ELSE 0 END, CASE WHEN failed THEN task_id END, CASE WHEN failed THEN reason END
    FROM asked ORDER BY data_source_id, company_id
    ON CONFLICT (data_source_id, company_id) DO UPDATE
    SET reason = excluded.reason, last_failed_task = coalesce(excluded.last_failed_task, c.last_failed_task),
      failed_runs = CASE
        WHEN excluded.failed_runs = 0 THEN 0
        WHEN c.last_failed_task = excluded.last_failed_task THEN c.failed_runs
        ELSE c.failed_runs + 1
      END
    WHERE excluded.failed_runs > 0 OR c.failed_runs > 0`)
  await tx.query(sql.unsafe`
    WITH wrong AS (
      SELECT l.id, c.failed_runs >= ${runsToDown} AS down
      FROM public.company_data_source l JOIN scheduler.company_source c USING (data_source_id, company_id)
      WHERE l.data_source_id = ANY(${column(runs, 'int4', ({ data_source_id }) => data_source_id)}) AND (l.health_status = 'DOWN') <> (c.failed_runs >= ${runsToDown})
      ORDER BY l.id FOR NO KEY UPDATE OF l SKIP LOCKED
    )
    UPDATE public.company_data_source l
    SET health_status = CASE WHEN wrong.down THEN 'DOWN' ELSE 'UP' END::public.health_status, modified_at = ${utcNow}
    FROM wrong WHERE l.id = wrong.id`)
}

const missingRow = z.object({
  data_source_id: z.number(),
  company_id: z.number(),
  company: z.string(),
  source: z.string(),
  last_value_at: z.number(),
  reason: z.string().nullable(),
})

/** Opens an incident for each company that these runs fed nothing about, although an earlier run of the source did. */
async function openMissing(tx: Transaction, runs: readonly UnjudgedRun[]): Promise<void> {
  if (runs.length === 0) return
  const missing = await tx.any(sql.type(missingRow)`
    SELECT r.data_source_id, c.company_id, k.name AS company, s.source_name AS source,
      ${epochMs(sql.fragment`c.last_fed_at`)} AS last_value_at,
      r.companies_failed ->> c.company_id::text AS reason
    FROM scheduler.run r
    JOIN scheduler.company_source c USING (data_source_id)
    JOIN public.company_data_source l USING (data_source_id, company_id)
    JOIN public.company k ON k.id = c.company_id
    JOIN public.data_source s ON s.id = r.data_source_id
    WHERE r.task_id = ANY(${idsOf(runs)}) AND c.last_fed_at < r.started_at AND c.last_fed_task <> r.task_id`)
  await openIncidents(
    tx,
    missing.map(({ data_source_id, company_id, company, source, last_value_at, reason }): Incident => {
      const since = formatTime(last_value_at)
      const because = reason ?? 'the run finished without a payload about it'
      return {
        kind: 'stale',
        data_source_id,
        company_id,
        subject: `${company}, ${source}`,
        message: `No value of ${company} from ${source} since ${since}: ${because}. \`parma companies ls\` shows its identifiers.`,
        facts: { what: 'ran, no value', since, because },
      }
    }),
  )
}
