import { Counter } from 'prom-client'
import { z } from 'zod'
import { inSteps } from '#runtime/calls/in-steps.ts'
import { addToOutbox } from '#runtime/outbox/outbox.ts'
import { column } from '#runtime/postgres/column.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { Config } from '../config.ts'
import { addFeedsAgain } from '../rhythm/due-feeds.ts'
import { type Alike, countCompanies } from '../suspect/alike.ts'
import { decideRun } from '../suspect/decide.ts'
import { announceSuspect, describeAlike, pickExamples, remindOfSuspect, resolveSuspect } from '../suspect/describe.ts'
import { markSeen, readEvidence } from '../suspect/evidence.ts'
import { flagPayloads, readWithheld, type WithheldPayload } from '../suspect/withheld.ts'
import { type End, markNews, settlePayloads } from './settle-payloads.ts'

type WatchSettings = Pick<Config, 'SUSPECT_WAIT_SECONDS' | 'SUSPECT_WINDOW_SECONDS' | 'SUSPECT_HOLD_HOURS'>

const runsHeld = new Counter({
  name: 'parma_analyzer_runs_held_total',
  help: 'Runs whose news items are held because many companies looked alike',
})

const pollMs = 500
/** Runs that one turn looks at. */
const runsAtOnce = 100
/** Payloads that one transaction settles, and their news items, or one that has more: each is read to be sent. */
const payloadsAtOnce = 100
const newsAtOnce = 2000
/** Of its end a run has a record before its last payloads are judged. */
const endSeconds = 30

/**
 * Looks at runs until the service stops: holds those that look wrong, has an operator told, clears what waits, and does
 * what an operator decided. Any number of replicas may do so: the row of a run is its lock.
 */
export function startRunWatch(
  config: WatchSettings,
  context: ServiceContext,
  database: Database,
  wakeOutbox: () => void,
): void {
  const wake = startLoop('watch_runs', pollMs, context, async () => {
    const runs = await findDueRuns(config, database)
    for (const { run_no } of runs) {
      const isMore = await database.transaction((tx) => watchRun(config, tx, run_no))
      wakeOutbox()
      if (isMore) wake()
    }
  })
}

const runRow = z.object({
  run_no: z.number(),
  data_source_id: z.number(),
  source_name: z.string(),
  task_id: z.number().nullable(),
  state: z.enum(['open', 'suspect', 'released', 'dropped', 'unverified']),
  message: z.string().nullable(),
  examples: z.array(z.string()),
  companies_alike: z.number().nullable(),
  companies_judged: z.number(),
  reminders: z.number(),
  held_hours: z.number().nullable(),
  has_ended: z.boolean(),
  now: z.number(),
})
type RunRow = z.output<typeof runRow>

/** Open runs with something new or waiting, decided ones with something withheld, and held ones of which it is time to say so. */
async function findDueRuns(config: WatchSettings, database: Database) {
  const runs = await database.any(sql.type(z.object({ run_no: z.number() }))`
    WITH new AS MATERIALIZED (
      SELECT e.evidence_no, e.run_no, r.state = 'open' AND (e.has_shapes OR EXISTS (
        SELECT FROM analyzer.run_evidence o
        WHERE o.run_no = e.run_no AND o.content = e.content AND o.company_id <> e.company_id)) AS counts
      FROM analyzer.run_evidence e JOIN analyzer.judged_run r USING (run_no) WHERE e.is_new
    ), dull AS (
      UPDATE analyzer.run_evidence SET is_new = false WHERE evidence_no IN (
        SELECT evidence_no FROM analyzer.run_evidence
        WHERE evidence_no IN (SELECT evidence_no FROM new WHERE NOT counts) FOR UPDATE SKIP LOCKED)
    )
    SELECT r.run_no FROM analyzer.judged_run r
    WHERE (
        r.run_no IN (SELECT run_no FROM new WHERE counts)
        OR r.run_no IN (SELECT run_no FROM analyzer.withheld_payload WHERE NOT is_settled) AND r.state <> 'suspect'
        OR r.state = 'suspect' AND (
          r.suspected_at < now() - ${config.SUSPECT_HOLD_HOURS} * interval '1 hour'
          OR r.suspected_at < now() - (r.reminders + 1) * interval '1 day')
      )
      -- A large run is looked at less often.
      AND (r.looked_at IS NULL OR r.looked_at < clock_timestamp() - r.companies_judged * interval '2 ms')
    ORDER BY r.looked_at NULLS FIRST, r.run_no LIMIT ${runsAtOnce}`)
  return runs
}

/** Returns whether there is more to do at once. */
async function watchRun(config: WatchSettings, tx: Transaction, runNo: number): Promise<boolean> {
  const run = await tx.maybeOne(sql.type(runRow)`
    SELECT run_no, data_source_id, source_name, task_id, state, message, examples, companies_alike, companies_judged,
      reminders, (extract(epoch FROM now() - suspected_at) / 3600)::float8 AS held_hours,
      EXISTS (
        SELECT FROM public.scheduled_task t WHERE t.task_id = r.task_id AND t.status IN ('SUCCESS', 'FAILED')
          AND t.ended_at < ${utcNow} - ${endSeconds} * interval '1 s') AS has_ended,
      floor(extract(epoch FROM now()) * 1000)::int8 AS now
    FROM analyzer.judged_run r WHERE run_no = ${runNo} FOR UPDATE SKIP LOCKED`)
  if (!run) return false
  await tx.query(sql.unsafe`UPDATE analyzer.judged_run SET looked_at = clock_timestamp() WHERE run_no = ${runNo}`)
  if (run.state === 'open') return watchOpen(config, tx, run)
  if (run.state === 'suspect') return watchHeld(config, tx, run)
  return settleSome(tx, await readWithheld(tx, runNo), run.state)
}

/** Returns whether some of the payloads are left. */
async function settleSome(tx: Transaction, payloads: readonly WithheldPayload[], end: End): Promise<boolean> {
  const [first = []] = inSteps(payloads, newsAtOnce, ({ news }) => news)
  const some = first.slice(0, payloadsAtOnce)
  await settlePayloads(tx, some, end)
  return some.length < payloads.length
}

async function watchOpen(config: WatchSettings, tx: Transaction, run: RunRow): Promise<boolean> {
  await markSeen(tx, run.run_no)
  const { evidence, quietMs } = await readEvidence(tx, run.run_no)
  const withheld = await readWithheld(tx, run.run_no)
  const decision = decideRun({
    ...{ evidence, quietMs, hasEnded: run.has_ended },
    waiting: withheld.map(({ event_id, age_ms }) => ({ eventId: event_id, ageMs: age_ms })),
    maxWaitMs: 1000 * (run.task_id === null ? config.SUSPECT_WINDOW_SECONDS : config.SUSPECT_WAIT_SECONDS),
  })
  if (decision.kind === 'suspect') {
    await holdRun(tx, run, decision.found, decision.judged, withheld)
    return false
  }
  await tx.query(sql.unsafe`
    UPDATE analyzer.judged_run SET companies_judged = ${countCompanies(evidence)} WHERE run_no = ${run.run_no}`)
  const cleared = new Set(decision.cleared)
  await markNews(tx, new Map([...decision.marks].filter(([id]) => cleared.has(id))))
  return settleSome(
    tx,
    withheld.filter(({ event_id }) => cleared.has(event_id)),
    'released',
  )
}

async function holdRun(
  tx: Transaction,
  run: RunRow,
  found: readonly Alike[],
  judged: number,
  withheld: readonly WithheldPayload[],
): Promise<void> {
  const [worst] = found as [Alike]
  const payloads = new Set(found.flatMap(({ payloads: some }) => [...some.keys()]))
  const flagged = withheld.filter(({ event_id, is_flagged }) => !is_flagged && payloads.has(event_id))
  await flagPayloads(
    tx,
    flagged.map(({ event_id }) => event_id),
  )
  await addFeedsAgain(tx, flagged)
  const names = await readNames(
    tx,
    [...worst.payloads.values()].map(({ company }) => company),
  )
  const held = {
    ...run,
    message: describeAlike(worst, judged),
    examples: pickExamples(worst, names),
    ...{ companies_alike: worst.companies, companies_judged: judged },
  }
  await tx.query(sql.unsafe`
    UPDATE analyzer.judged_run SET state = 'suspect', suspected_at = now(), message = ${held.message},
      alike = ${column(found, 'text', ({ key }) => key)}, examples = ${column(held.examples, 'text', (one) => one)},
      companies_alike = ${worst.companies}, companies_judged = ${judged}
    WHERE run_no = ${run.run_no}`)
  await addToOutbox(tx, 'analyzer', [announceSuspect(held, run.now)])
  runsHeld.inc()
}

async function readNames(tx: Transaction, companies: readonly number[]): Promise<Map<number, string>> {
  const rows = await tx.any(sql.type(z.object({ id: z.number(), name: z.string() }))`
    SELECT id, name FROM public.company WHERE id = ANY(${column(companies, 'int4', (id) => id)})`)
  return new Map(rows.map(({ id, name }) => [id, name]))
}

/** Reminds operators of a run each day, and ends its holding when nobody decides. */
async function watchHeld(config: WatchSettings, tx: Transaction, run: RunRow): Promise<boolean> {
  const held = { ...run, message: run.message ?? '', companies_alike: run.companies_alike ?? 0 }
  const hours = run.held_hours ?? 0
  if (hours >= config.SUSPECT_HOLD_HOURS) {
    await tx.query(sql.unsafe`
      UPDATE analyzer.judged_run SET state = 'unverified', decided_at = now() WHERE run_no = ${run.run_no}`)
    const what = `nobody decided for ${config.SUSPECT_HOLD_HOURS} hours. Its news items stand in digests, as unverified.`
    await addToOutbox(tx, 'analyzer', [resolveSuspect(held, run.now, what)])
    return true
  }
  const days = Math.floor(hours / 24)
  if (days <= run.reminders) return false
  const news = await tx.oneFirst(sql.type(z.object({ count: z.number() }))`
    SELECT count(*) FROM analyzer.withheld_payload JOIN analyzer.withheld_news USING (event_id)
    WHERE run_no = ${run.run_no} AND NOT is_settled`)
  await tx.query(sql.unsafe`UPDATE analyzer.judged_run SET reminders = ${days} WHERE run_no = ${run.run_no}`)
  await addToOutbox(tx, 'analyzer', [remindOfSuspect(held, run.now, days, news)])
  return false
}
