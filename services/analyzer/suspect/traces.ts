import { z } from 'zod'
import { columnsOf } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { type Subject, subjectKey } from '../values/payload.ts'
import type { Trace } from './trace.ts'

/** The trace of the newest payload of a subject. */
export type KnownTrace = { observedAt: number; trace: Trace }

const traceRow = z.object({
  company_id: z.number(),
  data_source_id: z.number(),
  subject_key: z.string(),
  observed_at: z.number(),
  // Written here alone, from a Trace.
  trace: z.custom<Trace>(),
})

/** The traces of these subjects, by subjectKey. `subject_key` must be what an index can hold. */
export async function readTraces(tx: Transaction, subjects: readonly Subject[]): Promise<Map<string, KnownTrace>> {
  if (subjects.length === 0) return new Map()
  const rows = await tx.any(sql.type(traceRow)`
    SELECT t.company_id, t.data_source_id, t.subject_key, t.observed_at, t.trace
    FROM unnest(${keyColumns(subjects)}) AS k (company_id, data_source_id, subject_key)
    JOIN analyzer.payload_trace t USING (company_id, data_source_id, subject_key)`)
  return new Map(
    rows.map((row) => [
      subjectKey({ ...row, company_id: String(row.company_id) }),
      { observedAt: row.observed_at, trace: row.trace },
    ]),
  )
}

export async function writeTraces(
  tx: Transaction,
  traces: readonly (KnownTrace & { subject: Subject })[],
): Promise<void> {
  if (traces.length === 0) return
  const of = columnsOf(traces)
  await tx.query(sql.unsafe`
    INSERT INTO analyzer.payload_trace AS t (company_id, data_source_id, subject_key, observed_at, identity, trace)
    SELECT company_id, data_source_id, subject_key, to_timestamp(observed_at), identity, trace
    FROM unnest(
      ${keyColumns(traces.map(({ subject }) => subject))},
      ${of('float8', ({ observedAt }) => observedAt / 1000)},
      ${of('text', ({ trace }) => trace.identity)},
      ${of('jsonb', ({ trace }) => JSON.stringify(trace))}
    ) AS n (company_id, data_source_id, subject_key, observed_at, identity, trace)
    ON CONFLICT (company_id, data_source_id, subject_key) DO UPDATE
    SET observed_at = excluded.observed_at, identity = excluded.identity, trace = excluded.trace
    WHERE t.observed_at <= excluded.observed_at`)
}

/** Which of these sources have had payloads of fewer than `count` companies so far, with those that come now. */
export async function findSmallSources(
  tx: Transaction,
  payloads: readonly Subject[],
  count: number,
): Promise<ReadonlySet<number>> {
  if (payloads.length === 0) return new Set()
  const of = columnsOf([...new Map(payloads.map((one) => [`${one.data_source_id}/${one.company_id}`, one])).values()])
  const rows = await tx.anyFirst(sql.type(z.object({ data_source_id: z.number() }))`
    WITH RECURSIVE now AS (
      SELECT * FROM unnest(
        ${of('int4', ({ data_source_id }) => data_source_id)}, ${of('int4', ({ company_id }) => Number(company_id))}
      ) AS n (data_source_id, company_id)
    ), known AS (
      -- One look into the index for each company.
      SELECT data_source_id, 0 AS seen, 0 AS company_id FROM now GROUP BY 1
      UNION ALL
      SELECT data_source_id, seen + 1, (
        SELECT min(t.company_id) FROM analyzer.payload_trace t
        WHERE t.data_source_id = k.data_source_id AND t.company_id > k.company_id)
      FROM known k WHERE company_id IS NOT NULL AND seen < ${count}
    )
    SELECT data_source_id FROM (
      SELECT data_source_id, company_id FROM now
      UNION SELECT data_source_id, company_id FROM known WHERE seen > 0 AND company_id IS NOT NULL
    ) companies
    GROUP BY data_source_id HAVING count(*) < ${count}`)
  return new Set(rows)
}

/** The numbers of all subjects of a source, with their companies. */
export function readNumbers(tx: Transaction, source: number) {
  return tx.any(sql.type(z.object({ company_id: z.number(), numbers: z.record(z.string(), z.number()) }))`
    SELECT company_id, trace -> 'numbers' AS numbers FROM analyzer.payload_trace WHERE data_source_id = ${source}`)
}

type Named = { subject: Subject; identity: string }

/**
 * Which of these subjects say of themselves what exactly one other company of the source says, and their own company never
 * said, though it has said something else.
 */
export async function findForeign(tx: Transaction, named: readonly Named[]): Promise<Set<string>> {
  if (named.length === 0) return new Set()
  const of = columnsOf(named)
  const rows = await tx.any(sql.type(z.object({ index: z.number() }))`
    SELECT n.index FROM unnest(
      ${of('int4', (_, index) => index)},
      ${of('int4', ({ subject }) => Number(subject.company_id))},
      ${of('int4', ({ subject }) => subject.data_source_id)},
      ${of('text', ({ identity }) => identity)}
    ) AS n (index, company_id, data_source_id, identity)
    WHERE EXISTS (
        SELECT FROM analyzer.payload_trace t
        WHERE t.company_id = n.company_id AND t.data_source_id = n.data_source_id AND t.identity IS NOT NULL)
      AND NOT EXISTS (
        SELECT FROM analyzer.payload_trace t
        WHERE t.company_id = n.company_id AND t.data_source_id = n.data_source_id AND t.identity = n.identity)
      AND (
        SELECT count(DISTINCT t.company_id) FROM (
          SELECT company_id FROM analyzer.payload_trace t
          WHERE t.data_source_id = n.data_source_id AND t.identity = n.identity LIMIT 10
        ) t) = 1`)
  return new Set(rows.map(({ index }) => subjectKey(named[index]!.subject)))
}

function keyColumns(subjects: readonly Subject[]) {
  const of = columnsOf(subjects)
  return sql.join(
    [
      of('int4', ({ company_id }) => Number(company_id)),
      of('int4', ({ data_source_id }) => data_source_id),
      of('text', ({ subject_key }) => subject_key),
    ],
    sql.fragment`, `,
  )
}
