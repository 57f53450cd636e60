import { z } from 'zod'
import { columnsOf } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import { driftKinds, policies, type Incident, type ReportedIncident } from './incidents.ts'

export type NewIncident = Incident & { event_no: number; data_source_id: number }

const incidentRow = z.object({
  event_no: z.number(),
  data_source_id: z.number(),
  kind: z.string(),
  subject: z.string(),
  message: z.string(),
  facts: z.record(z.string(), z.string()),
  seen_at: z.number(),
  policy: z.enum(policies),
})

/**
 * Stores new incidents, returns those to report, and pauses sources where the policy says so. A source with the maximum
 * of incidents gets no further ones.
 */
export async function insertIncidents(
  tx: Transaction,
  incidents: readonly NewIncident[],
  maxPerSource: number,
): Promise<ReportedIncident[]> {
  if (incidents.length === 0) return []
  const column = columnsOf(incidents)
  const inserted = await tx.any(sql.type(incidentRow)`
      INSERT INTO normalizer.drift (data_source_id, kind, subject, event_no, seen_at, message, facts, policy)
      SELECT data_source_id, kind, subject, event_no, now(), message, facts::jsonb, coalesce((
        SELECT policy FROM normalizer.drift_policy AS p
        WHERE p.data_source_id = n.data_source_id AND p.kind IN ('', n.kind) AND p.path IN ('', n.subject)
          AND n.kind = ANY(${sql.array([...driftKinds], 'text')})
        ORDER BY p.path = '', p.kind = '' LIMIT 1
      ), 'tell')
      FROM unnest(
        ${column('int4', (incident) => incident.data_source_id)},
        ${column('text', (incident) => incident.kind)},
        ${column('text', (incident) => incident.subject)},
        ${column('int8', (incident) => incident.event_no)},
        ${column('text', (incident) => incident.message)},
        ${column('text', (incident) => JSON.stringify(incident.facts))}
      ) AS n (data_source_id, kind, subject, event_no, message, facts)
      WHERE (SELECT count(*) FROM normalizer.drift AS d WHERE d.data_source_id = n.data_source_id) < ${maxPerSource}
      ORDER BY data_source_id, kind, subject
      ON CONFLICT (data_source_id, kind, subject) DO NOTHING
      RETURNING event_no, data_source_id, kind, subject, message, facts, seen_at, policy`)
  const paused = inserted.filter(({ policy }) => policy === 'pause').map(({ data_source_id }) => data_source_id)
  if (paused.length > 0)
    await tx.query(sql.unsafe`
      UPDATE public.data_source SET is_active = false, modified_at = ${utcNow}
      WHERE is_active AND id = ANY(${sql.array(paused, 'int4')})`)
  return inserted.filter(({ policy }) => policy !== 'ignore')
}

/** The incidents that these events reported. */
export async function readIncidents(tx: Transaction, eventNos: readonly number[]): Promise<ReportedIncident[]> {
  if (eventNos.length === 0) return []
  return [
    ...(await tx.any(sql.type(incidentRow)`
      SELECT event_no, data_source_id, kind, subject, message, facts, seen_at, policy FROM normalizer.drift
      WHERE event_no = ANY(${sql.array(eventNos, 'int8')}) AND policy <> 'ignore'
      ORDER BY data_source_id, kind, subject`)),
  ]
}
