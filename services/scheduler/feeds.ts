import { z } from 'zod'
import { withLedger } from '#runtime/ledger.ts'
import { type Delivery, drop, type Handler, ok } from '#runtime/outcome.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres.ts'
import type { RawPayload } from '#schemas/generated/types.ts'

const taskHeaders = z.object({
  event_id: z.uuid(),
  task_id: z
    .string()
    .regex(/^\d{1,10}$/)
    .transform(Number)
    .refine((id) => id <= 2 ** 31 - 1),
})

/**
 * Counts in scheduler.run what each run has fed and when last, from the headers of raw payloads alone. Each payload
 * counts once, whatever is delivered, replayed or sent by a module again.
 */
export function countFeeds(database: Database): Handler<RawPayload> {
  return async (batch) => {
    const read = batch.map(({ headers }: Delivery<RawPayload>) => taskHeaders.safeParse(headers).data)
    const feeds = read.filter((feed) => feed !== undefined)
    if (feeds.length > 0)
      await withLedger(
        database,
        'scheduler',
        // The id holds the content's hash already (design section 4), and headers alone do not tell it again.
        feeds.map(({ event_id }) => ({ event_id, replay_id: null, content_hash: '' })),
        async (tx, verdicts) => {
          const fresh = feeds.filter((_, index) => verdicts[index] === 'fresh')
          await addToRuns(
            tx,
            fresh.map(({ task_id }) => task_id),
          )
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

/** A run that is over already is judged again: a failed one has fed something after all. */
async function addToRuns(tx: Transaction, taskIds: readonly number[]): Promise<void> {
  if (taskIds.length === 0) return
  await tx.query(sql.unsafe`
    WITH fed AS (
      SELECT task_id, count(*) AS payloads FROM unnest(${sql.array([...taskIds], 'int4')}) AS task_id GROUP BY task_id
    ), locked AS (
      -- In one order, so that batches of two partitions wait for each other instead of deadlocking.
      SELECT task_id, payloads FROM scheduler.run JOIN fed USING (task_id) ORDER BY task_id FOR UPDATE OF run
    )
    UPDATE scheduler.run r
    SET fed = r.fed + payloads, first_fed_at = coalesce(r.first_fed_at, now()), last_fed_at = now(),
      outcome = CASE WHEN r.outcome = 'failed' THEN CASE WHEN r.finished_at IS NULL THEN 'partial' END ELSE r.outcome END
    FROM locked WHERE r.task_id = locked.task_id`)
}
