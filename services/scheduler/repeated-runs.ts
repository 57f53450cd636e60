import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import { bringsCompanies } from './build-request.ts'
import type { Config } from './config.ts'
import { isPaused } from './policies.ts'

const refusedRow = z.object({
  task_id: z.number(),
  data_source_id: z.number(),
  source_name: z.string(),
  repeat_no: z.number(),
  backoff_seconds: z.number(),
  /** Those that are linked to the source. */
  companies: z.array(z.number()),
})

/**
 * Makes a task for each of these finished runs of which the edge refused payloads, for just their companies: modules
 * never send a payload again. Such runs follow each other as attempts do, with the same number and back-off, but not
 * before midnight (UTC) when the source has used up its bytes of the day. A run is repeated once, whatever is finished
 * again. Returns the new tasks by the task that they repeat.
 */
export async function repeatRefused(
  settings: Pick<Config, 'MAX_ATTEMPTS' | 'RETRY_BACKOFF_SECONDS'>,
  tx: Transaction,
  taskIds: readonly number[],
): Promise<Map<number, number>> {
  if (taskIds.length === 0) return new Map()
  const runs = await tx.any(sql.type(refusedRow)`
    SELECT r.task_id, r.data_source_id, s.source_name, r.repeat_no + 1 AS repeat_no,
      coalesce(p.backoff_seconds, ${settings.RETRY_BACKOFF_SECONDS}) AS backoff_seconds,
      ARRAY(SELECT company_id FROM public.company_data_source l
        WHERE l.data_source_id = s.id AND l.company_id = ANY(r.refused_companies) ORDER BY company_id) AS companies
    FROM scheduler.run r
    JOIN public.data_source s ON s.id = r.data_source_id
    LEFT JOIN scheduler.source_policy p USING (data_source_id)
    WHERE r.task_id = ANY(${sql.array([...taskIds], 'int4')}) AND cardinality(r.refused_companies) > 0
      AND r.repeat_no + 1 < coalesce(p.max_attempts, ${settings.MAX_ATTEMPTS}) AND s.is_active AND NOT ${isPaused}
      AND NOT EXISTS (SELECT FROM scheduler.run n WHERE n.repeat_of = r.task_id)`)
  const repeats = new Map<number, number>()
  for (const { task_id, data_source_id, source_name, repeat_no, backoff_seconds, companies } of runs) {
    const brings = bringsCompanies(source_name)
    if (!brings && companies.length === 0) continue
    const waitSeconds = backoff_seconds * 2 ** Math.min(repeat_no - 1, 10)
    const repeat = await tx.oneFirst(sql.type(z.object({ task_id: z.number() }))`
      WITH task AS (
        INSERT INTO public.scheduled_task (data_source_id, schedule_type, scheduled_at, max_run_seconds)
        SELECT id, 'ON_DEMAND', greatest(${utcNow} + ${waitSeconds} * interval '1 second', full_day.day + 1), max_run_seconds
        FROM public.data_source LEFT JOIN edge.source_bytes full_day
          ON data_source_id = id AND day = (${utcNow})::date AND told_at IS NOT NULL
        WHERE id = ${data_source_id}
        RETURNING task_id, data_source_id, scheduled_at
      ), run AS (
        INSERT INTO scheduler.run
          (task_id, data_source_id, schedule_type, slot, claim_token, attempt, only_companies, repeat_of, repeat_no)
        SELECT task_id, data_source_id, 'ON_DEMAND', scheduled_at AT TIME ZONE 'UTC', 0, 0,
          ${brings ? null : sql.array(companies, 'int4')}, ${task_id}, ${repeat_no}
        FROM task
      )
      SELECT task_id FROM task`)
    repeats.set(task_id, repeat)
  }
  return repeats
}
