import { createHash } from 'node:crypto'
import { z } from 'zod'
import { withLedger } from '#runtime/postgres/ledger.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import { dead, drop, type Handler, ok, type Outcome } from '#runtime/consume/outcome.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import type { CrawlFinished } from '#schemas/generated/types.ts'
import { bringsCompanies } from '../build-request.ts'
import { noteSuccess } from '../circuit-breaker.ts'
import type { Config } from '../config.ts'
import { deadlineOf } from '../times.ts'
import { companyErrors, refusedCompanies, type FinishVerdict, judgeFinish } from '../judge-finish.ts'

type Accepted = Extract<FinishVerdict, { kind: 'accepted' }> & {
  task_id: number
  result_summary: string
  companies_failed: string
  refused_companies: number[]
}

/** Finishes the tasks of crawl-finished records. Tasks, runs and the ledger change in one transaction. */
export function takeFinishes(
  settings: Pick<Config, 'LONGEST_RUN_SECONDS'>,
  { log }: Pick<ServiceContext, 'log'>,
  database: Database,
  onFinished: () => void,
): Handler<CrawlFinished> {
  return async (batch) => {
    const finishes = batch.map(({ value }) => value)
    const events = finishes.map((finish) => ({
      event_id: finish.event_id,
      content_hash: hashOf(finish),
    }))
    const outcomes = await withLedger(
      database,
      'scheduler',
      events,
      async (tx, verdicts) => {
        const tasks = await lockTasks(settings, tx, finishes)
        const accepted = new Map<number, Accepted>()
        const outcomes = finishes.map((finish, index): Outcome => {
          const { task_id, result_summary } = finish
          const task = tasks.get(task_id)
          if (verdicts[index] === 'conflict')
            return dead('conflict', `event ${finish.event_id} already came with other content`)
          // A record that was refused is judged again, because its task may have started since.
          if (verdicts[index] === 'repeated' && task?.finished) return ok()
          const verdict = judgeFinish(finish, task)
          if (verdict.kind === 'refused') return drop(verdict.reason)
          const companies_failed = JSON.stringify(
            task && bringsCompanies(task.source_name) ? {} : companyErrors(finish.errors),
          )
          const refused_companies = refusedCompanies(finish.errors)
          accepted.set(task_id, { ...verdict, task_id, result_summary, companies_failed, refused_companies })
          if (task) tasks.set(task_id, { ...task, status: verdict.status, finished: true })
          return ok()
        })
        await writeFinishes(tx, [...accepted.values()])
        await noteSuccess(
          tx,
          [...accepted.keys()].flatMap((id) => tasks.get(id)?.data_source_id ?? []),
        )
        await writeReasons(tx, finishes, outcomes)
        return outcomes
      },
      {
        stage: ['text', finishes.map(() => 'finished')],
        task_id: ['int4', finishes.map(({ task_id }) => task_id)],
      },
    )
    for (const [index, outcome] of outcomes.entries()) {
      const { task_id, data_source_id, event_id } = finishes[index] as CrawlFinished
      if (outcome.kind === 'drop')
        log.warn({ task_id, data_source_id, event_id, reason: outcome.reason }, 'finish_refused')
    }
    onFinished()
    return outcomes
  }
}

const taskRow = z.object({
  task_id: z.number(),
  data_source_id: z.number(),
  source_name: z.string(),
  status: z.enum(['PENDING', 'PROCESSING', 'SUCCESS', 'FAILED']),
  attempts: z.number(),
  deadline: z.number().nullable(),
  finished: z.boolean(),
  fed: z.number(),
})

async function lockTasks(
  settings: Pick<Config, 'LONGEST_RUN_SECONDS'>,
  tx: Transaction,
  finishes: readonly CrawlFinished[],
): Promise<Map<number, z.output<typeof taskRow>>> {
  const ids = finishes.map(({ task_id }) => task_id)
  const rows = await tx.any(sql.type(taskRow)`
    SELECT t.task_id, t.data_source_id, s.source_name, t.status, t.attempts, r.finished_at IS NOT NULL AS finished, coalesce(r.fed, 0) AS fed,
      ${deadlineOf(settings)} AS deadline
    FROM public.scheduled_task t JOIN public.data_source s ON s.id = t.data_source_id
    LEFT JOIN scheduler.run r ON r.task_id = t.task_id
    WHERE t.task_id = ANY(${sql.array(ids, 'int4')})
    ORDER BY t.task_id
    FOR UPDATE OF t`)
  return new Map(rows.map((row) => [row.task_id, row]))
}

async function writeFinishes(tx: Transaction, accepted: readonly Accepted[]): Promise<void> {
  if (accepted.length === 0) return
  const rows = accepted.map(
    ({ task_id, status, result_summary, late, errors, companies_failed, refused_companies }) => [
      task_id,
      status,
      result_summary,
      late,
      errors,
      companies_failed,
      JSON.stringify(refused_companies),
    ],
  )
  await tx.query(sql.unsafe`
    WITH finish AS (
      SELECT * FROM ${sql.unnest(rows, ['int4', 'text', 'text', 'bool', 'int4', 'text', 'text'])}
        AS f (task_id, status, result_summary, late, errors, companies_failed, refused)
    ), run AS (
      INSERT INTO scheduler.run AS run (task_id, data_source_id, schedule_type, slot, claim_token, attempt, started_at,
        finished_at, finish_late, error_count, companies_failed, refused_companies)
      SELECT task_id, t.data_source_id, t.schedule_type, t.scheduled_at AT TIME ZONE 'UTC', 0, t.attempts,
        t.started_at AT TIME ZONE 'UTC', now(), f.late, f.errors, f.companies_failed::jsonb,
        ARRAY(SELECT jsonb_array_elements_text(f.refused::jsonb)::int)
      FROM finish f JOIN public.scheduled_task t USING (task_id)
      ON CONFLICT (task_id) DO UPDATE
      SET finished_at = now(), finish_late = run.finish_late OR excluded.finish_late, error_count = excluded.error_count,
        companies_failed = excluded.companies_failed, refused_companies = excluded.refused_companies,
        outcome = NULL, reason = NULL, settled_at = NULL, retry_at = NULL
    )
    UPDATE public.scheduled_task t
    SET status = f.status::public.task_status, result_summary = f.result_summary,
      ended_at = CASE
        WHEN f.status <> 'SUCCESS' OR t.status = 'SUCCESS' THEN t.ended_at
        ELSE ${utcNow}
      END
    FROM finish f WHERE t.task_id = f.task_id`)
}

/** Records why a finish record was refused, for the event's status. */
async function writeReasons(
  tx: Transaction,
  finishes: readonly CrawlFinished[],
  outcomes: readonly Outcome[],
): Promise<void> {
  const rows = finishes.map(({ event_id }, index) => {
    const outcome = outcomes[index] as Outcome
    return [event_id, outcome.kind === 'drop' ? outcome.reason : null]
  })
  await tx.query(sql.unsafe`
    UPDATE scheduler.processed_event e SET reason = r.reason
    FROM ${sql.unnest(rows, ['uuid', 'text'])} AS r (event_id, reason)
    WHERE e.event_id = r.event_id AND e.reason IS DISTINCT FROM r.reason`)
}

function hashOf({ task_id, result_summary }: CrawlFinished): string {
  return createHash('sha256').update(`${task_id} ${result_summary}`).digest('hex')
}
