import { z } from 'zod'
import { column, columnsOf } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import type { SubjectState } from '../detect/judge-items.ts'
import { indexable } from '../values/indexable.ts'
import { type Subject, subjectKey } from '../values/payload.ts'

const subjectRow = z.object({
  company_id: z.number(),
  data_source_id: z.number(),
  subject_key: z.string(),
  event_no: z.number(),
  observed_at: z.number(),
  map_version: z.number(),
  // Written here alone, from a SubjectState.
  lists: z.custom<SubjectState['lists']>(),
})

/** The stored states of these payloads' subjects, by subjectKey. New subjects are missing. */
export async function readSubjects(tx: Transaction, payloads: readonly Subject[]): Promise<Map<string, SubjectState>> {
  if (payloads.length === 0) return new Map()
  const subjects = new Map(payloads.map((one) => [subjectKey(one), one]))
  const rows = await tx.any(sql.type(subjectRow)`
    SELECT s.* FROM unnest(${keyColumns([...subjects.values()])}) AS k (company_id, data_source_id, subject_key)
    JOIN analyzer.subject_state s USING (company_id, data_source_id, subject_key)`)
  const stored = new Map(rows.map((row) => [subjectKey({ ...row, company_id: String(row.company_id) }), row]))
  return new Map(
    [...subjects].flatMap(([key, subject]): [string, SubjectState][] => {
      const row = stored.get(subjectKey({ ...subject, subject_key: indexable(subject.subject_key) }))
      if (!row) return []
      const { event_no: eventNo, observed_at: observedAt, map_version: mapVersion, lists } = row
      return [[key, { eventNo, observedAt, mapVersion, lists }]]
    }),
  )
}

export async function writeSubjects(
  tx: Transaction,
  changed: readonly { subject: Subject; state: SubjectState }[],
): Promise<void> {
  if (changed.length === 0) return
  const ofState = columnsOf(changed.map(({ state }) => state))
  await tx.query(sql.unsafe`
    INSERT INTO analyzer.subject_state (company_id, data_source_id, subject_key, event_no, observed_at, map_version, lists)
    SELECT company_id, data_source_id, subject_key, event_no, to_timestamp(observed_at), map_version, lists::jsonb
    FROM unnest(
      ${keyColumns(changed.map(({ subject }) => subject))},
      ${ofState('int8', ({ eventNo }) => eventNo)},
      ${ofState('float8', ({ observedAt }) => observedAt / 1000)},
      ${ofState('int4', ({ mapVersion }) => mapVersion)},
      ${ofState('text', ({ lists }) => JSON.stringify(lists))}
    ) AS n (company_id, data_source_id, subject_key, event_no, observed_at, map_version, lists)
    ON CONFLICT (company_id, data_source_id, subject_key) DO UPDATE
    SET event_no = excluded.event_no, observed_at = excluded.observed_at, map_version = excluded.map_version,
      lists = excluded.lists`)
}

function keyColumns(subjects: readonly Subject[]) {
  return sql.join(
    [
      column(subjects, 'int4', ({ company_id }) => Number(company_id)),
      column(subjects, 'int4', ({ data_source_id }) => data_source_id),
      column(subjects, 'text', ({ subject_key }) => indexable(subject_key)),
    ],
    sql.fragment`, `,
  )
}
