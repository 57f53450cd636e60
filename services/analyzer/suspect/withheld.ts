import { z } from 'zod'
import { inSteps } from '#runtime/calls/in-steps.ts'
import { column, columnsOf } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { isCountedBy } from '#runtime/postgres/visible.ts'
import { insertRecords } from '#runtime/postgres/insert-records.ts'
import type { Payload } from '../values/payload.ts'
import type { SeriesState } from '../values/series-state.ts'
import type { Trace } from './trace.ts'

/** The state of a series after a payload, and the event_no of its state before it; null if it had none. */
type WithheldSeries = {
  company_measurement_id: number
  item_key: string | null
  before: number | null
  state: SeriesState
}

/** What of a payload does not count until it is cleared: its news items, and the states after it. */
export type Withheld<Subject> = {
  payload: Payload
  runNo: number
  isFlagged: boolean
  trace: Trace | null
  subject: Subject | null
  series: readonly WithheldSeries[]
  news: readonly { newsId: string; isFlagged: boolean }[]
}

/** The `traceparent` of events. */
export type Traces = ReadonlyMap<string, string | undefined>

/** Series whose states are text at once: those of a batch, each some 2,000 characters, would fill the heap of a pod. */
const seriesAtOnce = 1000

/** Withholds news items that are stored already, and states. */
export async function insertWithheld<Subject>(
  tx: Transaction,
  all: readonly Withheld<Subject>[],
  traces?: Traces,
): Promise<void> {
  if (all.length === 0) return
  for (const some of inSteps(all, seriesAtOnce, ({ series }) => series.length))
    await insertRecords(
      tx,
      ['analyzer', 'withheld_payload'],
      {
        ...{ event_id: 'uuid', run_no: 'int8', company_id: 'int4', is_flagged: 'bool', observed_at: 'ms' },
        ...{ data_source_id: 'int4', subject_key: 'text', trace: 'jsonb', subject: 'jsonb', series: 'jsonb' },
        ...{ event_no: 'int8', traceparent: 'text' },
      },
      some.map(({ payload, runNo, isFlagged, trace, subject, series }) => ({
        ...{ event_id: payload.event_id, event_no: payload.event_no, run_no: runNo },
        ...{ company_id: Number(payload.company_id), is_flagged: isFlagged, observed_at: payload.observed_at },
        ...{ data_source_id: payload.data_source_id, subject_key: payload.subject_key },
        trace: trace && JSON.stringify(trace),
        subject: subject && JSON.stringify(subject),
        series: JSON.stringify(series),
        traceparent: traces?.get(payload.event_id) ?? null,
      })),
    )
  const of = columnsOf(all.flatMap(({ payload, news }) => news.map((one) => ({ event_id: payload.event_id, ...one }))))
  // A change that was news before has no row.
  await tx.query(sql.unsafe`
    INSERT INTO analyzer.withheld_news (news_id, event_id, is_flagged)
    SELECT news_id, event_id, is_flagged
    FROM unnest(${of('uuid', ({ newsId }) => newsId)}, ${of('uuid', ({ event_id }) => event_id)},
      ${of('bool', ({ isFlagged }) => isFlagged)}) AS w (news_id, event_id, is_flagged)
    WHERE EXISTS (SELECT FROM analyzer.news n WHERE n.news_id = w.news_id)`)
}

const payloadRow = z.object({
  event_id: z.string(),
  company_id: z.number(),
  is_flagged: z.boolean(),
  age_ms: z.number(),
  observed_at: z.number(),
  data_source_id: z.number(),
  subject_key: z.string(),
  traceparent: z.string().nullable(),
  news: z.number(),
})
export type WithheldPayload = z.output<typeof payloadRow>

/** The payloads of a run of which something is withheld, in the order in which they were judged. What is, is large. */
export function readWithheld(tx: Transaction, runNo: number): Promise<readonly WithheldPayload[]> {
  return tx.any(sql.type(payloadRow)`
    SELECT event_id, company_id, is_flagged, observed_at, data_source_id, subject_key, traceparent,
      (SELECT count(*) FROM analyzer.withheld_news n WHERE n.event_id = p.event_id) AS news,
      (extract(epoch FROM clock_timestamp() - since) * 1000)::float8 AS age_ms
    FROM analyzer.withheld_payload p WHERE run_no = ${runNo} AND NOT is_settled ORDER BY since, event_id`)
}

const contentRow = z.object({
  // Written here alone.
  trace: z.custom<Trace>().nullable(),
  subject: z.custom<object>().nullable(),
  series: z.custom<WithheldSeries[]>(),
})

/** What of a payload is withheld. */
export function readContent(tx: Transaction, eventId: string): Promise<z.infer<typeof contentRow>> {
  return tx.one(sql.type(contentRow)`
    SELECT trace, subject, series FROM analyzer.withheld_payload WHERE event_id = ${eventId}::uuid`)
}

/** Those of these payloads that are flagged, or of which states are withheld. */
export async function listChanging(tx: Transaction, eventIds: readonly string[]): Promise<Set<string>> {
  const ids = await tx.anyFirst(sql.type(z.object({ event_id: z.string() }))`
    SELECT event_id FROM analyzer.withheld_payload
    WHERE event_id = ANY(${column(eventIds, 'uuid', (id) => id)}) AND (is_flagged OR series <> '[]')`)
  return new Set(ids)
}

/** When the withheld payloads of the subject of a payload were observed, those that are settled too. */
export async function readWithheldTimes(
  tx: Transaction,
  { company_id, data_source_id, subject_key }: Pick<WithheldPayload, 'company_id' | 'data_source_id' | 'subject_key'>,
): Promise<Set<number>> {
  const times = await tx.anyFirst(sql.type(z.object({ observed_at: z.number() }))`
    SELECT observed_at FROM analyzer.withheld_payload
    WHERE company_id = ${company_id} AND data_source_id = ${data_source_id} AND subject_key = ${subject_key}`)
  return new Set(times)
}

/** These payloads look like what a broken source makes, with all their news items. */
export async function flagPayloads(tx: Transaction, eventIds: readonly string[]): Promise<void> {
  const ids = column(eventIds, 'uuid', (id) => id)
  await tx.query(sql.unsafe`
    WITH flagged AS (
      UPDATE analyzer.withheld_payload SET is_flagged = true WHERE event_id = ANY(${ids}) AND NOT is_settled
      RETURNING event_id
    )
    UPDATE analyzer.withheld_news SET is_flagged = true WHERE event_id IN (SELECT event_id FROM flagged)`)
}

/** Ends the withholding of these payloads: of their states, of news items that are dropped, and of all others. */
export async function endWithholding(
  tx: Transaction,
  eventIds: readonly string[],
  dropped: 'flagged' | 'none',
): Promise<string[]> {
  const ids = column(eventIds, 'uuid', (id) => id)
  const isDropped = dropped === 'flagged'
  // Which series of those that are not flagged never count is still asked.
  await tx.query(sql.unsafe`
    UPDATE analyzer.withheld_payload SET is_settled = true, is_dropped = ${isDropped}, subject = NULL, trace = NULL,
      series = CASE WHEN ${isDropped} AND NOT is_flagged THEN (
        SELECT coalesce(jsonb_agg(s - 'state' - 'before'), '[]') FROM jsonb_array_elements(series) s
      ) ELSE '[]' END
    WHERE event_id = ANY(${ids})`)
  if (isDropped)
    await tx.query(sql.unsafe`
      UPDATE analyzer.withheld_news SET state = 'dropped' WHERE event_id = ANY(${ids}) AND is_flagged`)
  const released = await tx.any(sql.type(z.object({ news_id: z.string() }))`
    DELETE FROM analyzer.withheld_news WHERE event_id = ANY(${ids}) AND state = 'withheld' RETURNING news_id`)
  return released.map(({ news_id }) => news_id)
}

/** Whether a row `v` of normalizer.value counts for what is learned from the past: it is not withheld, and was not dropped. */
export const isCounted = isCountedBy(sql.fragment`analyzer.uncounted_payload`)

const uncountedRow = z.object({
  event_id: z.string(),
  event_no: z.number(),
  company_id: z.number(),
  series: z.array(z.object({ company_measurement_id: z.number(), item_key: z.string().nullable() })).nullable(),
})

/** A payload that does not count, or of which these series do not. `series` null: nothing of it counts. */
export type Uncounted = z.output<typeof uncountedRow>

/** What of the payloads of these companies does not count, in the order of payloads. */
export function readUncounted(tx: Transaction, companies: readonly number[]): Promise<readonly Uncounted[]> {
  return tx.any(sql.type(uncountedRow)`
    SELECT event_id, coalesce(event_no, 0) AS event_no, company_id, series FROM analyzer.uncounted_payload
    WHERE company_id = ANY(${column(companies, 'int4', (id) => id)}) ORDER BY event_no, event_id`)
}
