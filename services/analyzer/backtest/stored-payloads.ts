import { z } from 'zod'
import { inSteps } from '#runtime/calls/in-steps.ts'
import { column } from '#runtime/postgres/column.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import type { EmptyList, ObservedValue } from '#schemas/generated/types.ts'
import { readUncounted, type Uncounted } from '../suspect/withheld.ts'
import { type Payload, seriesKey } from '../values/payload.ts'
import { type CompanyHistory, isOfSource, type Selection } from './histories.ts'

/**
 * `rowNo`: its own number in the normalizer's ledger, which for a replay is not that of its event. `uncounted`: keys of its
 * series that do not count.
 */
export type StoredPayload = { rowNo: number; payload: Payload; uncounted: ReadonlySet<string> }

/** `uncounted`: of all payloads of their company, as it was when they were read. */
type Visit = (
  tx: Transaction,
  payloads: readonly StoredPayload[],
  uncounted: readonly Uncounted[],
) => void | Promise<void>

/** A value as the query below writes it, without names to save time. */
type ShortValue = [
  seq: number,
  sourceMeasurement: number,
  companyMeasurement: number,
  type: string,
  path: string,
  itemKey: string | null,
  itemLabel: string | null,
  number: number | null,
  text: string | null,
  date: number | null,
  members: string[] | null,
]

const payloadRow = z.object({
  row_no: z.number(),
  event_no: z.number(),
  event_id: z.string(),
  replay_id: z.string(),
  data_source_id: z.number(),
  source_name: z.string(),
  company_id: z.string(),
  task_id: z.number().nullable(),
  map_version: z.number(),
  observed_at: z.number(),
  history: z.boolean(),
  subject_key: z.string(),
  refused: z.number(),
  // Both come from the normalizer, which checked them.
  empty_lists: z.custom<EmptyList[]>().nullable(),
  item_values: z.custom<ShortValue[]>().nullable(),
})

/** How many values are read at once, roughly. */
const valuesAtOnce = 20_000

/** How many values of companies are read in one transaction, unless one company has more. */
const valuesPerTransaction = 1_000_000

/** Measurement names by id. */
type Names = ReadonlyMap<number, string>

/**
 * Reads the payloads of these companies, company by company and in the order in which they were judged, and calls
 * `visit` with some of one company at a time. Replays come where they happened, with the values that they added. Payloads
 * that do not count, because their run was dropped or nobody has decided yet, are left out.
 * Memory does not grow with the number of payloads.
 */
export async function readPayloads(
  database: Database,
  selection: Selection,
  companies: readonly CompanyHistory[],
  names: Names,
  visit: Visit,
): Promise<void> {
  for (const some of inSteps(companies, valuesPerTransaction, ({ values }) => values))
    // Never repeated: what was visited would be visited again.
    await database.transaction(async (tx) => {
      // What does not count is read as of the time at which the payloads are.
      await tx.query(sql.unsafe`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`)
      await readPayloadsIn(tx, selection, some, names, visit)
    }, 0)
}

/** The same within a transaction. `afterNo`: only payloads with higher numbers. */
export async function readPayloadsIn(
  tx: Transaction,
  selection: Selection,
  companies: readonly (Pick<CompanyHistory, 'company_id' | 'lastNo'> & { afterNo?: number })[],
  names: Names,
  visit: Visit,
): Promise<void> {
  const uncounted = await readUncounted(
    tx,
    companies.map(({ company_id }) => company_id),
  )
  const byEvent = new Map(uncounted.map(({ event_id, series }) => [event_id, series]))
  const byCompany = Map.groupBy(uncounted, ({ company_id }) => String(company_id))
  await declareCursor(tx, selection, companies)
  let next = fetch(tx, 20)
  for (;;) {
    const rows = await next
    if (rows.length === 0) return
    const read = rows.reduce((sum, { item_values }) => sum + (item_values?.length ?? 0), 0)
    // Postgres reads the next ones while these are judged.
    next = fetch(tx, (valuesAtOnce * rows.length) / (read + rows.length))
    next.catch(() => undefined)
    const payloads = rows.map((row) => payloadOf(row, names, byEvent.get(row.event_id))).filter((one) => one !== null)
    for (const [company, ofOne] of Map.groupBy(payloads, ({ payload }) => payload.company_id))
      try {
        await visit(tx, ofOne, byCompany.get(company) ?? [])
      } catch (error) {
        // The transaction can end only when nothing is being read in it.
        await next.catch(() => undefined)
        throw error
      }
  }
}

async function declareCursor(
  tx: Transaction,
  { sources, measurements, series, judgedDays }: Selection,
  companies: Parameters<typeof readPayloadsIn>[2],
): Promise<void> {
  const isMeasured = measurements
    ? sql.fragment`v.source_measurement_id = ANY(${sql.array([...measurements], 'int4')})`
    : sql.fragment`true`
  const isOfSeries = series
    ? sql.fragment`v.company_measurement_id = ${series.company_measurement_id}
        AND v.item_key IS NOT DISTINCT FROM ${series.item_key}`
    : sql.fragment`true`
  const hasSeries = series
    ? sql.fragment`l.event_no = ANY(${sql.array([...series.payloads], 'int8')})`
    : sql.fragment`true`
  // All rows are fetched, so the best plan is the one that is quickest for all.
  // Between two fetches a large payload is judged.
  await tx.query(sql.unsafe`
    SELECT set_config('cursor_tuple_fraction', '1', true), set_config('idle_in_transaction_session_timeout', '60s', true)`)
  await tx.query(sql.unsafe`
    DECLARE stored_payload NO SCROLL CURSOR FOR
    SELECT p.event_no AS row_no, p.first_no AS event_no, p.event_id, p.replay_id, p.data_source_id, p.source_name,
      p.company_id, p.task_id, p.map_version, p.observed_at, p.history, p.subject_key, p.refused, p.empty_lists,
      v.item_values
    FROM (
      SELECT l.*, l.company_id::int AS company_no, CASE WHEN l.replay_id = '' THEN l.event_no ELSE (
        SELECT min(f.event_no) FROM normalizer.lineage f WHERE f.event_id = l.event_id
      ) END AS first_no
      FROM normalizer.lineage l
      JOIN unnest(
        ${column(companies, 'text', ({ company_id }) => String(company_id))},
        ${column(companies, 'int8', ({ afterNo = 0 }) => afterNo)},
        ${column(companies, 'int8', ({ lastNo }) => lastNo)}
      ) AS c (of_company, after_no, last_no)
        ON l.company_id = of_company AND l.event_no > after_no AND l.event_no <= last_no
      WHERE reason IS NULL AND map_version IS NOT NULL AND ${isOfSource(sources)} AND ${isJudged(judgedDays)}
        AND ${hasSeries}
      -- Sorted before the values are added, which take much more space.
      ORDER BY company_no, event_no OFFSET 0
    ) p
    LEFT JOIN LATERAL (
      SELECT json_agg(json_build_array(seq, source_measurement_id, company_measurement_id, type, path, item_key,
        item_label, number, CASE WHEN members IS NULL THEN text END, (extract(epoch FROM date) * 1000)::float8,
        members) ORDER BY seq) AS item_values
      FROM normalizer.value v
      WHERE v.event_no = p.first_no AND v.observed_at = p.observed_at
        AND v.replay_no IS NOT DISTINCT FROM CASE WHEN p.replay_id <> '' THEN p.event_no END AND ${isMeasured} AND ${isOfSeries}
    ) v ON true
    ORDER BY p.company_no, p.event_no`)
}

/** Of rows `l` of the normalizer's ledger. A payload of several parts is judged with its last one. */
function isJudged(days: number | undefined) {
  if (days === undefined) return sql.fragment`true`
  return sql.fragment`(
    l.processed_at < now() - ${days} * interval '1 day' OR EXISTS (
      SELECT FROM analyzer.processed_event e WHERE e.event_id = l.event_id AND e.replay_id = l.replay_id
    )
  ) AND NOT EXISTS (
    SELECT FROM analyzer.pending_part w WHERE w.event_id = l.event_id AND w.replay_id = l.replay_id
  )`
}

/** FETCH takes no parameter. */
const fetches = new Map([
  [2000, sql.type(payloadRow)`FETCH 2000 FROM stored_payload`],
  [200, sql.type(payloadRow)`FETCH 200 FROM stored_payload`],
  [20, sql.type(payloadRow)`FETCH 20 FROM stored_payload`],
  [2, sql.type(payloadRow)`FETCH 2 FROM stored_payload`],
])

/** Reads the next payloads: at most `most`, but at least two. */
function fetch(tx: Transaction, most: number): Promise<readonly z.infer<typeof payloadRow>[]> {
  const [, query] = [...fetches].find(([count]) => count <= most) ?? [...fetches].at(-1)!
  return tx.any(query)
}

/** Null for a replay that added nothing, which was not judged, and for a payload of which nothing counts. */
function payloadOf(
  row: z.infer<typeof payloadRow>,
  names: Names,
  uncounted: Uncounted['series'] = [],
): StoredPayload | null {
  const { row_no, item_values, replay_id, empty_lists, ...rest } = row
  if (uncounted === null || (replay_id !== '' && item_values === null)) return null
  const values = (item_values ?? []).map((value) => valueOf(value, names))
  const payload = { ...rest, replay_id: replay_id === '' ? null : replay_id, values, empty_lists: empty_lists ?? [] }
  return { rowNo: row_no, payload, uncounted: new Set(uncounted.map((one) => seriesKey(payload, one))) }
}

function valueOf(
  [
    seq,
    source_measurement_id,
    company_measurement_id,
    type,
    path,
    item_key,
    item_label,
    number,
    text,
    date,
    members,
  ]: ShortValue,
  names: Names,
): ObservedValue {
  return {
    seq,
    source_measurement_id,
    company_measurement_id,
    measurement_name: names.get(source_measurement_id) ?? '',
    ...{ type, path, item_key, item_label, number, text, date, members },
  }
}
