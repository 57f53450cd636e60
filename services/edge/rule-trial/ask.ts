import { hash } from 'node:crypto'
import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { Viewer } from '../access/viewer.ts'
import { actorOf, type Changes } from '../changes/changes.ts'
import type { SeriesKeys } from '../growth/series-id.ts'
import type { Bounded } from '../http/deadline.ts'
import { HttpError } from '../http/http-error.ts'
import type { TriedRule } from './query.ts'

const trialRow = z.object({
  /** How many payloads were judged. */
  payloads: z.number(),
  /** Payloads that were observed before this time (ms since 1970) were not judged; null: all were. */
  cut_at: z.number().nullable(),
  told: z.number(),
  silent: z.number(),
  /** The newest ones that are not silent, in the order of time. */
  news: z.array(z.object({ at: z.number(), title: z.string() })),
})

/** What a rule would have told of a series, as the analyzer judged it. */
export type Trial = z.output<typeof trialRow>

/** `waiting`: the analyzer has not answered yet. */
export type Answer = { trial: Trial } | { refusal: string } | 'waiting' | 'too many'

export type TrialDeps = {
  database: Database
  bounded: Bounded
  changes: Pick<Changes, 'sendChange' | 'waitForOutcome'>
  /** Rejects with an HttpError (429) when somebody tries too many rules. */
  countTrial: (actor: string) => Promise<void>
}

/** How long a page waits for the analyzer, which takes about a tenth of it. */
const patienceMs = 2500
/** How old an answer may be that a page shows without asking again. */
const maxAgeMs = 60_000

/**
 * Asks the analyzer what a rule would have told of a series, which the viewer may read. `newestNo` is the number of its
 * newest value. An answer that anybody got within the last minute is taken if there is no newer value since.
 */
export async function tryRule(
  { database, bounded, changes, countTrial }: TrialDeps,
  viewer: Viewer,
  { keys, newestNo }: { keys: SeriesKeys; newestNo: number },
  rule: TriedRule,
  traceparent?: string,
): Promise<Answer> {
  const recent = await bounded(readTrial(database, keys, rule, { maxAgeMs, newestNo }))
  if (recent !== null) return { trial: recent }
  const actor = actorOf(viewer)
  try {
    await countTrial(actor.name)
  } catch (error) {
    if (error instanceof HttpError && error.status === 429) return 'too many'
    throw error
  }
  const { company_measurement_id: company_measurement, subject_key: subject, item_key: item } = keys
  const payload = { company_measurement, subject, item, ...rule }
  // Whoever opens the page again before there is an answer asks for the same one.
  const idempotencyKey = `try ${Math.floor(Date.now() / maxAgeMs)} ${newestNo} ${JSON.stringify(Object.values(payload))}`
  const id = await changes.sendChange(actor, 'analyzer.rule.try', payload, {
    idempotencyKey: hash('sha256', idempotencyKey),
    traceparent,
  })
  const outcome = await changes.waitForOutcome(id, patienceMs)
  if (outcome === null) return 'waiting'
  if (outcome.state === 'refused') return { refusal: outcome.message }
  const trial = await bounded(readTrial(database, keys, rule, { maxAgeMs: 2 * maxAgeMs, newestNo: 0 }))
  return trial === null ? 'waiting' : { trial }
}

function readTrial(
  database: Database,
  { company_measurement_id, subject_key, item_key }: SeriesKeys,
  { condition, direction, threshold }: TriedRule,
  { maxAgeMs, newestNo }: { maxAgeMs: number; newestNo: number },
): Promise<Trial | null> {
  return database.maybeOne(sql.type(trialRow)`
    SELECT payloads, (extract(epoch FROM cut_at) * 1000)::float8 AS cut_at, told, silent, news
    FROM analyzer.rule_trial_view
    WHERE company_measurement_id = ${company_measurement_id} AND subject_key = ${subject_key}
      AND item_key IS NOT DISTINCT FROM ${item_key} AND condition = ${condition} AND direction = ${direction}
      AND threshold = ${threshold}::float8 AND newest_no >= ${newestNo}
      AND made_at > now() - ${maxAgeMs / 1000} * interval '1 second'
    ORDER BY made_at DESC LIMIT 1`)
}
