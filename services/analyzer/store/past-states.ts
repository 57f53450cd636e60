import { z } from 'zod'
import { columnsOf } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { longestWindow } from '../judge/judge-payload.ts'
import type { Criteria } from '../judge/judge-payloads.ts'
import { isCounted } from '../suspect/withheld.ts'
import { isLate, type Payload, seriesKey, seriesOf } from '../values/payload.ts'
import type { SeriesState } from '../values/series-state.ts'
import { numberOf, readValue } from '../values/value.ts'
import { deleteStates, readStates, type Series, writeStates } from './series-states.ts'

/**
 * Asks for the state of a series just before a late payload. `length`: how many values back. `before_no`: values that
 * were stored with this number in the normalizer's ledger or a higher one do not count; null: all count.
 */
type PastQuestion = Series & { event_no: number; before_no: number | null; observed_at: number; length: number }

const valueRow = z.object({
  question: z.number(),
  event_no: z.number(),
  observed_at: z.number(),
  type: z.string(),
  number: z.number().nullable(),
  text: z.string().nullable(),
  date: z.number().nullable(),
  members: z.array(z.string()).nullable(),
})

/**
 * For late payloads, the states of their late series at that time, by seriesKey; null if there was none. `beforeNo`: the number in the normalizer's
 * ledger from which on values do not count, because they came later; null if it is unknown, as for a replay.
 */
export async function readPasts(
  tx: Transaction,
  payloads: readonly Payload[],
  states: ReadonlyMap<string, SeriesState>,
  { rules, keptValues }: Pick<Criteria, 'rules' | 'keptValues'>,
  beforeNo: (payload: Payload) => number | null = ({ replay_id, event_no }) => (replay_id === null ? event_no : null),
): Promise<Map<Payload, Map<string, SeriesState | null>>> {
  const newest = new Map<string, Pick<SeriesState, 'observedAt'>>(states)
  const questions: (PastQuestion & { payload: Payload })[] = []
  for (const payload of payloads) {
    const { event_no, observed_at, subject_key } = payload
    for (const [key, value] of seriesOf(payload)) {
      if (!isLate(payload, newest.get(key) ?? null)) {
        newest.set(key, { observedAt: observed_at })
        continue
      }
      const { company_measurement_id, item_key } = value
      questions.push({
        ...{ payload, key, company_measurement_id, subject_key, item_key, event_no, observed_at },
        before_no: beforeNo(payload),
        length: Math.max(keptValues, longestWindow(rules(payload, value).rules)),
      })
    }
  }
  const answers = await readPast(tx, questions)
  const pasts = new Map<Payload, Map<string, SeriesState | null>>()
  for (const [index, { payload, key }] of questions.entries()) {
    const of = pasts.get(payload) ?? new Map<string, SeriesState | null>()
    pasts.set(payload, of.set(key, answers[index] ?? null))
  }
  return pasts
}

const replacedRow = z.object({
  company_measurement_id: z.number(),
  subject_key: z.string(),
  item_key: z.string().nullable(),
})

/**
 * Has the states follow what replays and corrections replaced in values that were judged before: those of the values that
 * are gone, and of those that took their place. What the detectors remember of them is rebuilt when the next value comes.
 */
export async function followReplaced(
  tx: Transaction,
  payloads: readonly Payload[],
  { keptValues }: Pick<Criteria, 'keptValues'>,
): Promise<void> {
  const replays = payloads.filter(({ replay_id }) => replay_id !== null)
  if (replays.length === 0) return
  const column = columnsOf(replays)
  const replaced = await tx.any(sql.type(replacedRow)`
    SELECT DISTINCT s.company_measurement_id, s.subject_key, s.item_key
    FROM unnest(${column('uuid', ({ event_id }) => event_id)}, ${column('text', ({ replay_id }) => replay_id)})
      AS n (event_id, replay_id)
    JOIN normalizer.lineage l USING (event_id, replay_id)
    JOIN normalizer.superseded_value s ON s.superseded_by = l.event_no`)
  if (replaced.length === 0) return
  const brought = replays.flatMap((payload) =>
    [...seriesOf(payload).values()].map(({ company_measurement_id, item_key }) => ({
      ...{ company_measurement_id, subject_key: payload.subject_key, item_key },
    })),
  )
  const series = [...replaced, ...brought].map((one): Series => ({ ...one, key: seriesKey(one, one) }))
  const distinct = [...new Map(series.map((one) => [one.key, one])).values()]
  const states = await readStates(tx, distinct)
  const known = distinct.filter(({ key }) => states.has(key))
  // Newer values may be stored that are not judged yet.
  const questions = known.map((one) => {
    const { observedAt, recent } = states.get(one.key)!
    return {
      ...{ ...one, event_no: 0, before_no: null, observed_at: observedAt + 1 },
      length: Math.max(keptValues, recent.length),
    }
  })
  const now = await readPast(tx, questions)
  const next = known.flatMap(({ key }, index): [string, SeriesState][] => {
    const { signal: _, said: __, at: ___, ...rest } = states.get(key)!
    return now[index] ? [[key, { ...rest, ...now[index] }]] : []
  })
  await writeStates(tx, known, new Map(next))
  await deleteStates(
    tx,
    known.filter((_, index) => !now[index]),
  )
}

/**
 * The states of series before a time, from the normalizer's values, in the order of `questions`; null if there was no
 * value.
 */
async function readPast(tx: Transaction, questions: readonly PastQuestion[]): Promise<(SeriesState | null)[]> {
  if (questions.length === 0) return []
  const column = columnsOf(questions)
  const rows = await tx.any(sql.type(valueRow)`
    SELECT q.question, v.event_no, v.observed_at, v.type, v.number, v.text, v.members,
      (extract(epoch FROM v.date) * 1000)::float8 AS date
    FROM unnest(
      ${column('int4', (_, index) => index)},
      ${column('int4', ({ company_measurement_id }) => company_measurement_id)},
      ${column('text', ({ subject_key }) => subject_key)},
      ${column('text', ({ item_key }) => item_key)},
      ${column('int8', ({ event_no }) => event_no)},
      ${column('float8', ({ observed_at }) => observed_at / 1000)},
      ${column('int8', ({ before_no }) => before_no)},
      ${column('int4', ({ length }) => length)}
    ) AS q (question, series, subject_key, item_key, event_no, observed_at, before_no, length)
    CROSS JOIN LATERAL (
      SELECT DISTINCT ON (v.observed_at, v.event_no) v.*
      FROM normalizer.value v
      WHERE v.company_measurement_id = q.series AND v.subject_key = q.subject_key
        AND v.item_key IS NOT DISTINCT FROM q.item_key
        AND v.observed_at < to_timestamp(q.observed_at) AND v.event_no <> q.event_no
        AND (q.before_no IS NULL OR coalesce(v.replay_no, v.event_no) < q.before_no)
        AND ${isCounted}
      ORDER BY v.observed_at DESC, v.event_no DESC, v.seq DESC
      LIMIT q.length
    ) v
    ORDER BY q.question, v.observed_at, v.event_no`)
  const byQuestion = Map.groupBy(rows, ({ question }) => question)
  return questions.map((_, index) => stateOf(byQuestion.get(index) ?? []))
}

/** `rows`: the oldest first. */
function stateOf(rows: readonly z.infer<typeof valueRow>[]): SeriesState | null {
  const values = rows.map((row) => ({ row, value: readValue(row) }))
  const newest = values.at(-1)
  if (!newest?.value) return null
  const ofKind = values.slice(values.findLastIndex(({ value }) => value?.kind !== newest.value?.kind) + 1)
  return {
    eventNo: newest.row.event_no,
    observedAt: newest.row.observed_at,
    last: newest.value,
    recent: ofKind.flatMap(({ value }) => (value && numberOf(value)) ?? []),
  }
}
