import { z } from 'zod'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import type { Config } from './config.ts'
import { noteFailures } from './circuit-breaker.ts'
import { isPaused } from './policies.ts'
import { repeatRefused } from './repeated-runs.ts'
import { deadlineOf, longestGap, longestRun, startedAt } from './times.ts'

const endedRow = z.object({
  task_id: z.number(),
  data_source_id: z.number(),
  attempt: z.number(),
  status: z.string(),
  reason: z.string(),
  excused: z.boolean(),
})
export type EndedAttempt = z.output<typeof endedRow>

/** The longest wait between two attempts, in seconds. */
const longestBackOff = 365 * 86_400

/** Whether source `s` with policy `p` is neither switched off nor paused. */
const runs = sql.fragment`s.is_active AND NOT ${isPaused}`

/** Whether any run has no outcome yet. */
export function hasOpenRuns(database: Database): Promise<boolean> {
  return database.exists(sql.unsafe`SELECT FROM scheduler.run WHERE outcome IS NULL`)
}

/**
 * Ends attempts without a finish record: those past their deadline by the database's clock (`deadlineOf`), and those
 * whose call to the module broke off and that have fed nothing since. A task then waits for its next attempt (PENDING,
 * with a back-off) or is FAILED for good, with `ended_at` and a reason. A task gets no further attempt when its source
 * has been switched off or paused.
 */
export function endAttempts(settings: Config, database: Database): Promise<readonly EndedAttempt[]> {
  return database.transaction(async (tx) => {
    const ended = await writeEnds(settings, tx)
    await noteFailures(
      settings,
      tx,
      ended.filter(({ excused }) => !excused),
    )
    return ended
  })
}

function writeEnds(settings: Config, tx: Transaction): Promise<readonly EndedAttempt[]> {
  const { MAX_ATTEMPTS, RETRY_BACKOFF_SECONDS, LOST_CALL_GRACE_SECONDS } = settings
  const hasFed = sql.fragment`coalesce(r.last_fed_at > ${startedAt}, false)`
  const isTooLong = sql.fragment`coalesce(now() >= ${startedAt} + ${longestRun(settings)} * interval '1 second', false)`
  return tx.any(sql.type(endedRow)`
    WITH over AS (
      SELECT t.task_id, t.status = 'PENDING' AS excused, coalesce(p.backoff_seconds, ${RETRY_BACKOFF_SECONDS}) AS backoff_seconds,
        t.status = 'PROCESSING' AND t.attempts < coalesce(p.max_attempts, ${MAX_ATTEMPTS}) AND ${runs} AS again,
        CASE
          WHEN t.status = 'PENDING' THEN CASE WHEN s.is_active THEN 'the source was paused' ELSE 'the source was switched off' END
          WHEN r.call_error IS NOT NULL THEN r.call_error
          ELSE concat(CASE WHEN r.call_ended_at IS NOT NULL THEN 'answered, but ' END, 'not finished', CASE
            WHEN ${hasFed} AND NOT ${isTooLong} THEN format(', and nothing fed for %s s', ${longestGap})
            ELSE format(' within %s s', CASE WHEN ${isTooLong} THEN ${longestRun(settings)} ELSE ${longestGap} END) END)
        END AS reason
      FROM scheduler.run r
      JOIN public.scheduled_task t USING (task_id)
      JOIN public.data_source s ON s.id = t.data_source_id
      LEFT JOIN scheduler.source_policy p ON p.data_source_id = s.id
      WHERE r.outcome IS NULL AND (
        t.status = 'PROCESSING' AND r.finished_at IS NULL AND (
          coalesce(${deadlineOf(settings)} <= now(), true)
          -- A module that has fed since its call broke off works on, with the time that it has between two payloads.
          OR r.call_error IS NOT NULL AND (r.last_fed_at > r.call_ended_at) IS NOT TRUE
            AND now() >= r.call_ended_at + CASE WHEN r.call_reached THEN ${LOST_CALL_GRACE_SECONDS} ELSE 0 END * interval '1 second')
        OR t.status = 'PENDING' AND t.attempts > 0 AND NOT (${runs}))
      FOR UPDATE OF t SKIP LOCKED
    ), run AS (
      UPDATE scheduler.run
      SET reason = over.reason, excused = over.excused, judged = false,
        outcome = CASE WHEN over.again THEN NULL WHEN run.fed > 0 THEN 'partial' ELSE 'failed' END,
        settled_at = CASE WHEN NOT over.again THEN now() END,
        retry_at = CASE WHEN over.again
          THEN now() + least(over.backoff_seconds * 2 ^ least(greatest(run.attempt, 1) - 1, 30), ${longestBackOff}) * interval '1 second' END
      FROM over
      -- A finish record that arrived in between wins.
      WHERE run.task_id = over.task_id AND run.finished_at IS NULL
      RETURNING run.task_id, run.reason, run.retry_at, run.excused
    )
    UPDATE public.scheduled_task t
    SET status = CASE WHEN run.retry_at IS NULL THEN 'FAILED' ELSE 'PENDING' END::public.task_status,
      ended_at = CASE WHEN run.retry_at IS NULL THEN ${utcNow} END
    FROM run WHERE t.task_id = run.task_id
    RETURNING t.task_id, t.data_source_id, t.attempts AS attempt, t.status, run.reason, run.excused`)
}

const finalRow = z.object({ task_id: z.number(), data_source_id: z.number(), outcome: z.string(), fed: z.number() })
/** `repeated_as`: the task that asks again for the companies of which payloads were refused. */
export type FinalRun = z.output<typeof finalRow> & { repeated_as?: number }

/**
 * Makes the outcome of finished runs final, SETTLE_SECONDS after their finish record. A task is FAILED only when there
 * are errors and nothing was fed: some modules report errors in every good run. Payloads that are counted even later
 * reopen the outcome. What the edge refused is asked for again.
 */
export function finalizeRuns(settings: Config, database: Database): Promise<readonly FinalRun[]> {
  return database.transaction(async (tx) => {
    const runs = await writeOutcomes(settings, tx)
    const repeats = await repeatRefused(
      settings,
      tx,
      runs.map(({ task_id }) => task_id),
    )
    return runs.map((run): FinalRun => {
      const repeated_as = repeats.get(run.task_id)
      return repeated_as === undefined ? run : { ...run, repeated_as }
    })
  })
}

function writeOutcomes(settings: Config, tx: Transaction) {
  return tx.any(sql.type(finalRow)`
    WITH ripe AS (
      SELECT r.task_id, r.finished_at,
        CASE WHEN r.error_count = 0 THEN 'ok' WHEN r.fed > 0 THEN 'partial' ELSE 'failed' END AS outcome
      FROM scheduler.run r JOIN public.scheduled_task t USING (task_id)
      WHERE r.finished_at <= now() - ${settings.SETTLE_SECONDS} * interval '1 second'
        AND r.outcome IS NULL
      FOR UPDATE OF t, r SKIP LOCKED
    ), task AS (
      UPDATE public.scheduled_task t
      SET status = CASE ripe.outcome WHEN 'failed' THEN 'FAILED' ELSE 'SUCCESS' END::public.task_status,
        ended_at = coalesce(t.ended_at, ripe.finished_at AT TIME ZONE 'UTC')
      FROM ripe WHERE t.task_id = ripe.task_id
    )
    UPDATE scheduler.run r
    SET outcome = ripe.outcome, settled_at = now(), judged = false,
      reason = CASE ripe.outcome WHEN 'failed' THEN 'finished with errors, and nothing was fed' END
    FROM ripe WHERE r.task_id = ripe.task_id
    RETURNING r.task_id, r.data_source_id, r.outcome, r.fed`)
}

/** Ends the runs of tasks that parma-web has deleted, and returns the ids of these tasks. */
export async function closeOrphans(database: Database): Promise<readonly number[]> {
  return database.anyFirst(sql.type(z.object({ task_id: z.number() }))`
    UPDATE scheduler.run r
    SET outcome = CASE WHEN fed > 0 THEN 'partial' ELSE 'failed' END, reason = 'the task was deleted', settled_at = now(), excused = true, judged = false
    WHERE outcome IS NULL AND NOT EXISTS (SELECT FROM public.scheduled_task t WHERE t.task_id = r.task_id)
    RETURNING task_id`)
}

/** Opens a run for tasks that another system started, such as the predecessor, so that their deadline is watched. */
export async function adoptTasks(database: Database, taskIds: readonly number[]): Promise<void> {
  await database.query(sql.unsafe`
    INSERT INTO scheduler.run AS run (task_id, data_source_id, schedule_type, slot, claim_token, attempt, started_at)
    SELECT task_id, data_source_id, schedule_type, scheduled_at AT TIME ZONE 'UTC', 0, attempts, started_at AT TIME ZONE 'UTC'
    FROM public.scheduled_task WHERE task_id = ANY(${sql.array([...taskIds], 'int4')}) AND status = 'PROCESSING'
    ON CONFLICT (task_id) DO UPDATE SET outcome = NULL, reason = NULL, settled_at = NULL, finished_at = NULL`)
}
