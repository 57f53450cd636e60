import { z } from 'zod'
import { type Database, sql, type Transaction } from '#runtime/postgres.ts'
import { utcNow } from '#runtime/public-tables.ts'

const sourceRow = z.object({
  id: z.number(),
  is_active: z.boolean(),
  frequency: z.enum(['HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY']),
  latest: z.number().nullable(),
  earliest: z.number().nullable(),
  waiting: z.array(z.object({ task_id: z.number(), slot: z.number() })),
  first_run_at: z.number(),
  /** The task to be started now: none while another one of the source is under way. */
  due_task_id: z.number().nullable(),
  /** When the next one can be started, of those that are there. */
  next_at: z.number().nullable(),
  /** Tasks under way that we have no open run of: somebody else started them. */
  strange: z.array(z.number()),
  /** The database's clock. */
  now: z.number(),
})

/** A data source with the state of its tasks at one moment. Times are ms since 1970. */
export type SourceState = z.output<typeof sourceRow>

/** How long a new source must have been left alone before it runs, with and without measurements. */
export type FirstRunWait = { FIRST_RUN_QUIET_SECONDS: number; FIRST_RUN_UNMAPPED_SECONDS: number }

/**
 * The state of all sources, or of those in `ids`. Tasks have no index but their key, and their number only grows: this
 * is the one statement that passes over them all, and it looks at none that is over.
 */
export function readSources(
  connection: Database | Transaction,
  firstRun: FirstRunWait,
  ids: readonly number[] | null = null,
): Promise<readonly SourceState[]> {
  const only = ids === null ? sql.fragment`true` : sql.fragment`s.id = ANY(${sql.array([...ids], 'int4')})`
  // Times stored ahead of now, by a clock or a zone that is wrong, must not hold a source back for hours.
  const quietSince = sql.fragment`greatest(
    CASE WHEN s.created_at <= ${utcNow} THEN s.created_at END,
    CASE WHEN s.modified_at <= ${utcNow} THEN s.modified_at END,
    (SELECT max(m.created_at) FROM public.source_measurement m
      WHERE m.source_module_id = s.id AND m.created_at <= ${utcNow}))`
  const wait = sql.fragment`CASE WHEN EXISTS (SELECT FROM public.source_measurement m WHERE m.source_module_id = s.id)
    THEN ${firstRun.FIRST_RUN_QUIET_SECONDS}::bigint ELSE ${firstRun.FIRST_RUN_UNMAPPED_SECONDS}::bigint END * 1000`
  return connection.any(sql.type(sourceRow)`
    WITH task AS (
      SELECT t.data_source_id, t.task_id, t.scheduled_at, t.status, r.task_id IS NULL OR r.outcome IS NOT NULL AS strange,
        t.schedule_type = 'REGULAR' AND t.attempts = 0 AND t.status = 'PENDING' AS planned,
        CASE WHEN t.status = 'PENDING' THEN greatest(t.scheduled_at, r.retry_at AT TIME ZONE 'UTC') END AS ready_at
      FROM public.scheduled_task t LEFT JOIN scheduler.run r ON r.task_id = t.task_id
      WHERE t.status IN ('PENDING', 'PROCESSING')
    ), state AS (
      SELECT data_source_id,
        json_agg(json_build_object('task_id', task_id, 'slot', ${epochMs(sql.fragment`scheduled_at`)}))
          FILTER (WHERE planned) AS waiting,
        (array_agg(task_id ORDER BY scheduled_at, task_id) FILTER (WHERE ready_at <= ${utcNow}))[1] AS due_task_id,
        bool_or(status = 'PROCESSING') AS busy,
        min(ready_at) FILTER (WHERE ready_at > ${utcNow}) AS next_at,
        array_agg(task_id) FILTER (WHERE status = 'PROCESSING' AND strange) AS strange
      FROM task GROUP BY data_source_id
    )
    SELECT s.id, s.is_active, s.frequency, ran.latest, ran.earliest, coalesce(state.waiting, '[]') AS waiting,
      CASE WHEN s.is_active AND NOT state.busy THEN state.due_task_id END AS due_task_id, state.next_at,
      coalesce(state.strange, '{}') AS strange, ${epochMs(utcNow)} AS now,
      CASE WHEN ran.latest IS NULL AND state.waiting IS NULL
        THEN coalesce(${epochMs(quietSince)}, 0) + ${wait} ELSE 0 END AS first_run_at
    FROM public.data_source s
    LEFT JOIN state ON state.data_source_id = s.id
    LEFT JOIN LATERAL (
      SELECT max(r.slot) AS latest, min(r.slot) AS earliest
      FROM scheduler.run r WHERE r.data_source_id = s.id AND r.schedule_type = 'REGULAR'
    ) AS ran ON true
    WHERE ${only}
    ORDER BY s.id`)
}

function epochMs(time: ReturnType<typeof sql.fragment>) {
  return sql.fragment`floor(extract(epoch FROM ${time}) * 1000)::bigint`
}
