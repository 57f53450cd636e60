import { z } from 'zod'
import { type Apply, RefusedError } from '#runtime/changes/apply-changes.ts'
import type { Payload } from '#runtime/changes/kinds.ts'
import { isoTime } from '#runtime/commands/command-database.ts'
import { addToOutbox } from '#runtime/outbox/outbox.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { formatCount } from '#runtime/text/format.ts'
import { resolveSuspect } from './describe.ts'

const heldRow = z.object({
  run_no: z.number(),
  state: z.enum(['suspect', 'released', 'dropped', 'unverified']),
  data_source_id: z.number(),
  source_name: z.string(),
  task_id: z.number().nullable(),
  message: z.string(),
  companies_alike: z.number(),
  companies_judged: z.number(),
  /** News items that are held, and how many of these a `drop` drops. */
  held: z.number(),
  flagged: z.number(),
  suspected_at: z.string(),
  decided_at: z.string().nullable(),
  decided_by: z.string().nullable(),
})
export type HeldRun = z.output<typeof heldRow>
type Decision = Payload<'analyzer.held_run.decide'>['state']

const columns = sql.fragment`
  r.run_no, r.state, r.data_source_id, r.source_name, r.task_id, r.message, r.companies_alike, r.companies_judged,
  count(n.news_id) FILTER (WHERE n.state = 'withheld') AS held,
  count(n.news_id) FILTER (WHERE n.state = 'withheld' AND n.is_flagged) AS flagged,
  ${isoTime(sql.fragment`r.suspected_at`)} AS suspected_at, ${isoTime(sql.fragment`r.decided_at`)} AS decided_at,
  r.decided_by`
const tables = sql.fragment`
  analyzer.judged_run r
  LEFT JOIN analyzer.withheld_payload p USING (run_no) LEFT JOIN analyzer.withheld_news n USING (event_id)`

/** Runs that are held, with `all` also those that were; the newest first. */
export function listHeldRuns(database: Pick<Database, 'any'>, all: boolean): Promise<readonly HeldRun[]> {
  return database.any(sql.type(heldRow)`
    SELECT ${columns} FROM ${tables} WHERE r.suspected_at IS NOT NULL AND (${all} OR r.state = 'suspect')
    GROUP BY r.run_no ORDER BY r.run_no DESC`)
}

/** Null if there is no such run, or if it never was suspect. */
export function readHeldRun(database: Pick<Database, 'maybeOne'>, runNo: number): Promise<HeldRun | null> {
  return database.maybeOne(sql.type(heldRow)`
    SELECT ${columns} FROM ${tables} WHERE r.suspected_at IS NOT NULL AND r.run_no = ${runNo} GROUP BY r.run_no`)
}

const newsRow = z.object({
  news_id: z.string(),
  company: z.string(),
  title: z.string(),
  state: z.enum(['withheld', 'dropped']),
  flagged: z.boolean(),
})

/** The news items of a run that are held or were dropped. */
export function listHeldNews(database: Pick<Database, 'any'>, runNo: number) {
  return database.any(sql.type(newsRow)`
    SELECT n.news_id, coalesce(c.name, 'company ' || n.company_id) AS company, n.title, w.state, w.is_flagged AS flagged
    FROM analyzer.withheld_payload p JOIN analyzer.withheld_news w USING (event_id) JOIN analyzer.news n USING (news_id)
    LEFT JOIN public.company c ON c.id = n.company_id
    WHERE p.run_no = ${runNo} ORDER BY n.event_no, n.group_index`)
}

const decidedRow = z.object({
  run_no: z.number(),
  data_source_id: z.number(),
  source_name: z.string(),
  task_id: z.number().nullable(),
  message: z.string(),
  examples: z.array(z.string()),
  companies_alike: z.number(),
  companies_judged: z.number(),
  now: z.number(),
})

/**
 * Writes down what an operator decided about a suspect run; the analyzer does it. False if somebody decided before. Of two
 * who decide at once, one does.
 */
export async function decideHeldRun(tx: Transaction, runNo: number, state: Decision, by: string): Promise<boolean> {
  const run = await tx.maybeOne(sql.type(decidedRow)`
    UPDATE analyzer.judged_run SET state = ${state}, decided_at = now(), decided_by = ${by}
    WHERE run_no = ${runNo} AND state = 'suspect'
    RETURNING run_no, data_source_id, source_name, task_id, message, examples, companies_alike, companies_judged,
      floor(extract(epoch FROM now()) * 1000)::int8 AS now`)
  if (!run) return false
  await addToOutbox(tx, 'analyzer', [resolveSuspect(run, run.now, `${by} ${state} it.`)])
  return true
}

/** How many of the news items that are held a decision sends, and how many it drops. */
export function countEffect({ held, flagged }: Pick<HeldRun, 'held' | 'flagged'>, state: Decision) {
  return state === 'released' ? { sent: held, dropped: 0 } : { sent: held - flagged, dropped: flagged }
}

/** The same in words. */
export function describeEffect(run: HeldRun, state: Decision): string {
  const { sent, dropped } = countEffect(run, state)
  const items = (count: number) => formatCount(count, 'news item')
  if (state === 'released') return `${items(sent)} ${sent === 1 ? 'goes' : 'go'} out, and the values count.`
  const others = `${sent} of companies that look right ${sent === 1 ? 'goes' : 'go'} out.`
  return `${items(dropped)} ${dropped === 1 ? 'is' : 'are'} dropped, ${others}`
}

/** Why nobody can decide about a run any more; null: it waits for a decision. */
export function alreadyDecided({ run_no, state, decided_by }: HeldRun): string | null {
  if (state === 'suspect') return null
  return `Run ${run_no} is already ${state}${decided_by === null ? '' : ` by ${decided_by}`}.`
}

/** The decision of an operator at the desk. Of two, the second is told what the first has decided. */
export const decideAtDesk: Apply<Payload<'analyzer.held_run.decide'>> = async (
  tx,
  { run: runNo, state },
  { actor },
) => {
  const run = await readHeldRun(tx, runNo)
  if (run === null) throw new RefusedError(`No run ${runNo} was held.`)
  if (!(await decideHeldRun(tx, runNo, state, actor.name))) {
    const decided = await readHeldRun(tx, runNo)
    throw new RefusedError((decided && alreadyDecided(decided)) ?? `Run ${runNo} is not held any more.`)
  }
  return { message: `Run ${runNo} is ${state}: ${describeEffect(run, state)}`, before: run.state, after: state }
}
