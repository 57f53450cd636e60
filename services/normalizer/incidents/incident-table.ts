import { z } from 'zod'
import { columnsOf } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import { type End, incidentKey, type NewIncident } from './follow-incidents.ts'
import { driftKinds, policies, type ReportedIncident } from './incidents.ts'

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
const columns = sql.fragment`event_no, data_source_id, kind, subject, message, facts, seen_at, policy`

type Company = { data_source_id: number; company_id: string }

/** How many open incidents of a company are followed, the newest. A source may send a new path each day. */
const maxFollowed = 1000

/**
 * Incidents that have begun and not ended, by incidentKey: those that these companies showed, those like `found`, and
 * all null rates of these sources.
 */
export async function readOpenIncidents(
  tx: Transaction,
  companies: readonly Company[],
  found: readonly NewIncident[],
): Promise<Map<string, ReportedIncident>> {
  const ofCompany = columnsOf(companies)
  const like = columnsOf(found)
  const rows = await tx.any(sql.type(incidentRow)`
    WITH n AS (
      SELECT DISTINCT * FROM unnest(
        ${ofCompany('int4', ({ data_source_id }) => data_source_id)},
        ${ofCompany('text', ({ company_id }) => company_id)}
      ) AS n (data_source_id, company_id)
    )
    SELECT d.* FROM n CROSS JOIN LATERAL (
      SELECT ${columns} FROM normalizer.drift AS d
      WHERE d.data_source_id = n.data_source_id AND d.company_id = n.company_id AND ended_at IS NULL
      ORDER BY seen_at DESC LIMIT ${maxFollowed}
    ) AS d
    UNION
    SELECT ${columns} FROM (SELECT DISTINCT data_source_id FROM n) AS s JOIN normalizer.drift USING (data_source_id)
    WHERE kind = 'null-rate' AND ended_at IS NULL
    UNION
    SELECT ${columns} FROM unnest(
      ${like('int4', ({ data_source_id }) => data_source_id)},
      ${like('text', ({ kind }) => kind)},
      ${like('text', ({ subject }) => subject)}
    ) AS f (data_source_id, kind, subject) JOIN normalizer.drift USING (data_source_id, kind, subject)
    WHERE ended_at IS NULL`)
  return new Map(rows.map((row) => [incidentKey(row), row]))
}

const keyRow = incidentRow.pick({ data_source_id: true, kind: true, subject: true })

/** Which of these incidents have begun and not ended, as incidentKey. */
export async function readBegun(tx: Transaction, incidents: readonly NewIncident[]): Promise<ReadonlySet<string>> {
  if (incidents.length === 0) return new Set()
  const column = columnsOf(incidents)
  const rows = await tx.any(sql.type(keyRow)`
    SELECT data_source_id, kind, subject FROM unnest(
      ${column('int4', ({ data_source_id }) => data_source_id)},
      ${column('text', ({ kind }) => kind)},
      ${column('text', ({ subject }) => subject)}
    ) AS n (data_source_id, kind, subject) JOIN normalizer.drift USING (data_source_id, kind, subject)
    WHERE ended_at IS NULL`)
  return new Set(rows.map(incidentKey))
}

/**
 * Stores incidents that begin, for the first time or again, returns those to report, and pauses sources where the policy
 * says so. One that another process has begun since is left out.
 */
export async function beginIncidents(tx: Transaction, incidents: readonly NewIncident[]): Promise<ReportedIncident[]> {
  if (incidents.length === 0) return []
  const column = columnsOf(incidents)
  const begun = await tx.any(sql.type(incidentRow)`
      INSERT INTO normalizer.drift AS d (data_source_id, kind, subject, event_no, seen_at, message, facts, policy)
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
      ORDER BY data_source_id, kind, subject
      ON CONFLICT (data_source_id, kind, subject) DO UPDATE
      SET event_no = excluded.event_no, seen_at = excluded.seen_at, message = excluded.message, facts = excluded.facts,
        policy = excluded.policy, ended_at = NULL
      WHERE d.ended_at IS NOT NULL
      RETURNING ${columns}`)
  const paused = begun.filter(({ policy }) => policy === 'pause').map(({ data_source_id }) => data_source_id)
  if (paused.length > 0)
    await tx.query(sql.unsafe`
      UPDATE public.data_source SET is_active = false, modified_at = ${utcNow}
      WHERE is_active AND id = ANY(${sql.array(paused, 'int4')})`)
  return [...begun]
}

const endedRow = incidentRow.extend({ ended_at: z.number() })

/** Ends open incidents, and returns those that were. One that ended and began again since is another. */
export async function endIncidents(
  tx: Transaction,
  ends: readonly End[],
): Promise<(End & { incident: z.infer<typeof endedRow> })[]> {
  if (ends.length === 0) return []
  const column = columnsOf(ends.map(({ incident }) => incident))
  const rows = await tx.any(sql.type(endedRow)`
    UPDATE normalizer.drift AS d SET ended_at = now()
    FROM unnest(
      ${column('int4', ({ data_source_id }) => data_source_id)},
      ${column('text', ({ kind }) => kind)},
      ${column('text', ({ subject }) => subject)},
      ${column('int8', ({ event_no }) => event_no)}
    ) AS n (n_source, n_kind, n_subject, n_event_no)
    WHERE d.data_source_id = n_source AND d.kind = n_kind AND d.subject = n_subject AND d.event_no = n_event_no
      AND d.ended_at IS NULL
    RETURNING ${columns}, ended_at`)
  const ended = new Map(rows.map((row) => [incidentKey(row), row]))
  return ends.flatMap((end) => {
    const incident = ended.get(incidentKey(end.incident))
    return incident ? [{ ...end, incident }] : []
  })
}
