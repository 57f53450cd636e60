import { z } from 'zod'
import { withLedger } from '#runtime/postgres/ledger.ts'
import { type Delivery, drop, type Handler, ok } from '#runtime/consume/outcome.ts'
import type { Config } from '../config.ts'
import { longestRun, startedAt } from '../times.ts'
import { closing, openWhere, reportClosed } from '../incidents.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'

const taskHeaders = z.object({
  event_id: z.uuid(),
  task_id: z
    .string()
    .regex(/^\d{1,10}$/)
    .transform(Number)
    .refine((id) => id <= 2 ** 31 - 1),
  /** Ms since 1970. Left out: the value was observed when it arrived. */
  observed_at: z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .optional(),
})

/**
 * Counts in scheduler.run how many payloads each run has fed and when the last one, from the headers of raw payloads
 * alone. Each payload counts once, even if it is delivered, replayed or posted again.
 */
export function countFeeds(settings: Pick<Config, 'LONGEST_RUN_SECONDS'>, database: Database): Handler<undefined> {
  return async (batch) => {
    const read = batch.map(({ headers, key }: Delivery<undefined>) => {
      const feed = taskHeaders.safeParse(headers).data
      return feed && { ...feed, company_id: companyOf(key) }
    })
    const feeds = read.filter((feed) => feed !== undefined)
    if (feeds.length > 0)
      await withLedger(
        database,
        'scheduler',
        // The event id covers the content's hash, and the headers do not repeat it.
        feeds.map(({ event_id }) => ({ event_id })),
        async (tx, verdicts) => {
          const fresh = feeds.filter((_, index) => verdicts[index] === 'fresh')
          await addToRuns(
            settings,
            tx,
            fresh.map(({ task_id }) => task_id),
          )
          await addToCompanies(tx, fresh)
        },
        {
          stage: ['text', feeds.map(() => 'fed')],
          task_id: ['int4', feeds.map(({ task_id }) => task_id)],
        },
      )
    return read.map((feed, index) => {
      if (feed) return ok()
      return drop(batch[index]?.headers.task_id ? 'headers not readable' : 'not of a task')
    })
  }
}

/** A run that already has an outcome is judged again: if it failed, it has fed something after all. */
async function addToRuns(
  settings: Pick<Config, 'LONGEST_RUN_SECONDS'>,
  tx: Transaction,
  taskIds: readonly number[],
): Promise<void> {
  if (taskIds.length === 0) return
  await tx.query(sql.unsafe`
    WITH fed AS (
      SELECT task_id, count(*) AS payloads FROM unnest(${sql.array([...taskIds], 'int4')}) AS task_id GROUP BY task_id
    ), locked AS (
      -- In one order, so that batches of two partitions wait for each other instead of deadlocking.
      SELECT task_id, payloads FROM scheduler.run JOIN fed USING (task_id) ORDER BY task_id FOR UPDATE OF run
    ), waiting AS (
      -- A module that feeds although its attempt was ended is not called again beside itself.
      SELECT task_id, least(now() + t.max_run_seconds * interval '1 second', ${startedAt} + ${longestRun(settings)} * interval '1 second') AS until
      FROM locked JOIN public.scheduled_task t USING (task_id) WHERE t.status = 'PENDING' AND t.attempts > 0
    )
    UPDATE scheduler.run r
    SET fed = r.fed + payloads, first_fed_at = coalesce(r.first_fed_at, now()), last_fed_at = now(),
      retry_at = CASE WHEN r.retry_at IS NOT NULL THEN greatest(r.retry_at, (SELECT until FROM waiting w WHERE w.task_id = r.task_id)) END,
      outcome = CASE WHEN r.outcome = 'failed' THEN CASE WHEN r.finished_at IS NULL THEN 'partial' END ELSE r.outcome END,
      judged = r.judged AND r.outcome IS DISTINCT FROM 'failed'
    FROM locked WHERE r.task_id = locked.task_id`)
}

/** The company in a record's key; null for a key that is not a company id: it counts for the run only. */
function companyOf(key: string): number | null {
  return /^[1-9]\d{0,9}$/.test(key) && Number(key) <= 2 ** 31 - 1 ? Number(key) : null
}

/**
 * Records how fresh the newest value of these companies is, by the time at which it was observed, and closes the
 * incidents about stale data. A value observed before an incident began does not close it: of a source, the next
 * judgement decides; of a company, a value of the last day still does.
 */
async function addToCompanies(
  tx: Transaction,
  feeds: readonly { task_id: number; company_id: number | null; observed_at?: number | undefined }[],
): Promise<void> {
  const rows = feeds.flatMap(({ task_id, company_id, observed_at = null }) =>
    company_id === null ? [] : [[task_id, company_id, observed_at]],
  )
  if (rows.length === 0) return
  const ofFed = sql.fragment`dedupe_key IN (
      SELECT format('stale/%s/%s', data_source_id, company_id) FROM fed
      WHERE observed_at >= least(s.opened_at, now() - interval '1 day')
      UNION SELECT format('stale/%s', data_source_id) FROM fed WHERE observed_at >= s.opened_at)`
  const parts = sql.fragment`
    WITH fed AS (
      SELECT r.data_source_id, f.company_id, count(*) AS fed, max(f.task_id) AS task_id,
        max(least(coalesce(to_timestamp(f.observed_at::float8 / 1000), now()), now())) AS observed_at
      FROM ${sql.unnest(rows, ['int4', 'int4', 'int8'])} AS f (task_id, company_id, observed_at) JOIN scheduler.run r USING (task_id)
      GROUP BY r.data_source_id, f.company_id
    ), added AS (
      INSERT INTO scheduler.company_source AS c (data_source_id, company_id, fed, last_fed_at, last_fed_task)
      SELECT data_source_id, company_id, fed, observed_at, task_id FROM fed ORDER BY data_source_id, company_id
      ON CONFLICT (data_source_id, company_id) DO UPDATE
      SET fed = c.fed + excluded.fed, last_fed_at = greatest(c.last_fed_at, excluded.last_fed_at), last_fed_task = excluded.last_fed_task
    ), open AS (${openWhere(ofFed)})`
  await reportClosed(tx, await tx.any(closing(parts)))
}
