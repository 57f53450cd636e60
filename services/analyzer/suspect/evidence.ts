import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { insertRecords } from '#runtime/postgres/insert-records.ts'
import type { Evidence } from './alike.ts'

const evidenceRow = z.object({
  // Written here alone, from an Evidence.
  evidence: z.custom<Evidence>(),
  quiet_ms: z.number(),
})

/** Stores what payloads tell about their runs. */
export function insertEvidence(
  tx: Transaction,
  all: readonly { runNo: number; subjectKey: string; evidence: Evidence }[],
): Promise<void> {
  return insertRecords(
    tx,
    ['analyzer', 'run_evidence'],
    {
      ...{ run_no: 'int8', event_id: 'uuid', company_id: 'int4', subject_key: 'text' },
      ...{ content: 'text', evidence: 'jsonb', has_shapes: 'bool' },
    },
    all.map(({ runNo, subjectKey, evidence }) => ({
      ...{ run_no: runNo, event_id: evidence.eventId, company_id: evidence.company, subject_key: subjectKey },
      ...{ content: evidence.content, evidence: JSON.stringify(evidence), has_shapes: evidence.shapes.length > 0 },
    })),
  )
}

/** What the payloads of a run tell, in the order in which they were judged, and how long ago the last one was. */
export async function readEvidence(tx: Transaction, runNo: number): Promise<{ evidence: Evidence[]; quietMs: number }> {
  const rows = await tx.any(sql.type(evidenceRow)`
    SELECT evidence, (extract(epoch FROM clock_timestamp() - judged_at) * 1000)::float8 AS quiet_ms
    FROM analyzer.run_evidence WHERE run_no = ${runNo} ORDER BY evidence_no`)
  return {
    evidence: rows.map(({ evidence }) => evidence),
    quietMs: Math.min(Infinity, ...rows.map(({ quiet_ms }) => quiet_ms)),
  }
}

/** Evidence of a run that is read before others is not new any more. */
export async function markSeen(tx: Transaction, runNo: number): Promise<void> {
  await tx.query(sql.unsafe`UPDATE analyzer.run_evidence SET is_new = false WHERE run_no = ${runNo} AND is_new`)
}
