import { z } from 'zod'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import type { Config } from './config.ts'
import { lateStartMs } from '#runtime/plan/plan-slots.ts'
import { planOf } from '#runtime/plan/policy-plan.ts'
import { moduleOf } from './circuit-breaker.ts'
import { isPaused, policyColumns } from './policies.ts'
import { defaultPolicy, policyRow } from '#runtime/plan/read-policy.ts'
import { epochMs, nowMs } from './times.ts'

type Fragment = ReturnType<typeof sql.fragment>

const taskRow = z.object({
  task_id: z.number(),
  slot: z.number(),
  status: z.enum(['PENDING', 'PROCESSING']),
  regular: z.boolean(),
  attempts: z.number(),
  retry_at: z.number().nullable(),
  /** Has no open run here: if it is running, another system started it. */
  foreign: z.boolean(),
})

const sourceRow = z
  .object({
    id: z.number(),
    is_active: z.boolean(),
    frequency: z.enum(['HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY']),
    policy: policyRow.extend({ paused: z.boolean(), paused_until: z.number().nullable() }).nullable(),
    ran_latest: z.number().nullable(),
    earliest: z.number().nullable(),
    last_missed: z
      .object({ from: z.number(), to: z.number(), reason: z.enum(['inactive', 'paused', 'superseded', 'late']) })
      .nullable(),
    tasks: z.array(taskRow),
    first_run_at: z.number(),
    grace_ms: z.number(),
    module: z.string().nullable(),
    /** Running tasks of its module, over all sources. */
    module_runs: z.number(),
    /** Its module's circuit breaker: no run before this time, then one at a time. Null: it is closed. */
    breaker_open_until: z.number().nullable(),
    /** The database's clock. */
    now: z.number(),
  })
  .transform(({ policy, is_active, ran_latest, last_missed, tasks, first_run_at, ...row }) => {
    const { paused, paused_until, ...known } = policy ?? { ...defaultPolicy, paused: false, paused_until: null }
    const waiting = tasks.filter(({ status, regular, attempts }) => status === 'PENDING' && regular && attempts === 0)
    return {
      ...row,
      tasks,
      off: !is_active ? ('inactive' as const) : paused ? ('paused' as const) : null,
      ...planOf(known),
      may_overlap: known.may_overlap,
      paused_until,
      latest: ran_latest === null ? null : Math.max(ran_latest, last_missed?.to ?? -Infinity),
      last_missed,
      waiting,
      first_run_at: waiting.length > 0 ? 0 : first_run_at,
      foreign: tasks.filter(({ status, foreign }) => status === 'PROCESSING' && foreign).map(({ task_id }) => task_id),
    }
  })

/** A data source with its plan and the state of its tasks at one moment. Times are ms since 1970. */
export type SourceState = z.output<typeof sourceRow>

export type PlanSettings = Pick<Config, 'FIRST_RUN_QUIET_SECONDS' | 'FIRST_RUN_UNMAPPED_SECONDS'>

/**
 * The state of all sources, or of those in `ids`. Tasks have no index but their key, so each call reads all of them.
 */
export function readSources(
  settings: PlanSettings,
  connection: Database | Transaction,
  ids: readonly number[] | null = null,
): Promise<readonly SourceState[]> {
  const isOne = (id: Fragment) =>
    ids === null ? sql.fragment`true` : sql.fragment`${id} = ANY(${sql.array([...ids], 'int4')})`
  // Times in the future, written with a wrong clock or zone, must not delay a source for hours.
  const quietSince = sql.fragment`greatest(
    CASE WHEN s.created_at <= ${utcNow} THEN s.created_at END,
    CASE WHEN s.modified_at <= ${utcNow} THEN s.modified_at END,
    (SELECT max(m.created_at) FROM public.source_measurement m
      WHERE m.source_module_id = s.id AND m.created_at <= ${utcNow}))`
  const wait = sql.fragment`CASE WHEN EXISTS (SELECT FROM public.source_measurement m WHERE m.source_module_id = s.id)
    THEN ${settings.FIRST_RUN_QUIET_SECONDS}::bigint ELSE ${settings.FIRST_RUN_UNMAPPED_SECONDS}::bigint END * 1000`
  return connection.any(sql.type(sourceRow)`
    WITH task AS (
      SELECT t.data_source_id,
        json_agg(json_build_object('task_id', t.task_id, 'slot', ${epochMs(sql.fragment`t.scheduled_at`)},
          'status', t.status, 'regular', t.schedule_type = 'REGULAR', 'attempts', t.attempts,
          'retry_at', ${epochMs(sql.fragment`r.retry_at`)},
          'foreign', r.task_id IS NULL OR r.outcome IS NOT NULL)) AS tasks
      FROM public.scheduled_task t LEFT JOIN scheduler.run r ON r.task_id = t.task_id
      WHERE t.status IN ('PENDING', 'PROCESSING') AND ${isOne(sql.fragment`t.data_source_id`)}
      GROUP BY t.data_source_id
    ), source AS (
      SELECT s.*, ${moduleOf(sql.fragment`s.invocation_endpoint`)} AS module
      FROM public.data_source s WHERE ${isOne(sql.fragment`s.id`)}
      OFFSET 0
    ), busy AS (
      SELECT module, count(*) AS runs
      FROM (
        SELECT ${moduleOf(sql.fragment`s.invocation_endpoint`)} AS module
        FROM public.scheduled_task t JOIN public.data_source s ON s.id = t.data_source_id
        WHERE t.status = 'PROCESSING'
      ) AS run GROUP BY module
    )
    SELECT s.id, s.is_active, s.frequency, coalesce(task.tasks, '[]') AS tasks, s.module,
      coalesce(busy.runs, 0)::int AS module_runs, ${epochMs(sql.fragment`m.rests_until`)} AS breaker_open_until,
      ${epochMs(sql.fragment`ran.latest`)} AS ran_latest, ${epochMs(sql.fragment`ran.earliest`)} AS earliest,
      (SELECT json_build_object('from', ${epochMs(sql.fragment`from_slot`)}, 'to', ${epochMs(sql.fragment`to_slot`)}, 'reason', reason)
        FROM scheduler.missed WHERE data_source_id = s.id ORDER BY to_slot DESC LIMIT 1) AS last_missed,
      CASE WHEN p.data_source_id IS NOT NULL THEN (
        SELECT to_json(one) FROM (SELECT ${policyColumns}, ${isPaused} AS paused, ${epochMs(sql.fragment`p.paused_until`)} AS paused_until) AS one
      ) END AS policy,
      ${lateStartMs}::int AS grace_ms, ${nowMs} AS now,
      CASE WHEN ran.latest IS NULL
        THEN coalesce(${epochMs(sql.fragment`quiet.since`)}, 0) + ${wait} ELSE 0 END AS first_run_at
    FROM source s
    LEFT JOIN task ON task.data_source_id = s.id
    LEFT JOIN busy ON busy.module = s.module
    LEFT JOIN scheduler.source_policy p ON p.data_source_id = s.id
    LEFT JOIN scheduler.module m ON m.module = s.module
    LEFT JOIN LATERAL (
      SELECT max(r.slot) AS latest, min(r.slot) AS earliest
      FROM scheduler.run r WHERE r.data_source_id = s.id AND r.schedule_type = 'REGULAR'
    ) AS ran ON true
    LEFT JOIN LATERAL (SELECT ${quietSince} AS since) AS quiet ON ran.latest IS NULL
    ORDER BY s.id`)
}
