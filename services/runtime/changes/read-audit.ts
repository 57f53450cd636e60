import { z } from 'zod'
import { type Database, sql, type SqlFragment } from '../postgres/database.ts'

/** The views of audit logs, by the service of each. Who reads them names them, as schemas/views.ts lists. */
export type AuditLogs = Readonly<Record<string, SqlFragment>>

const auditRow = z.object({
  at: z.string(),
  service: z.string(),
  audit_id: z.number(),
  actor: z.string(),
  kind: z.string(),
  subject: z.string(),
  reason: z.string().nullable(),
  before: z.unknown(),
  after: z.unknown(),
  change_id: z.string().nullable(),
})

/** Something that somebody did. `at` has microseconds, so that a page can begin after it. */
export type AuditRow = z.output<typeof auditRow>

/** `kind`: this one, and all that begin with it. `since` and `until`: ISO 8601, `until` is not in it. */
export type AuditFilter = {
  actor?: string | undefined
  kind?: string | undefined
  subject?: string | undefined
  since?: string | null | undefined
  until?: string | null | undefined
}

/** The last row of the page before. */
export type AuditPosition = Pick<AuditRow, 'at' | 'service' | 'audit_id'>

/** What was done, of all services, the newest first. */
export function readAudit(
  database: Pick<Database, 'any'>,
  audited: AuditLogs,
  { actor = '', kind = '', subject = '', since, until }: AuditFilter,
  limit: number,
  after: AuditPosition | null = null,
): Promise<readonly AuditRow[]> {
  const logs = Object.entries(audited).map(
    ([service, view]) => sql.fragment`(
      SELECT at, ${service}::text COLLATE "C" AS service, audit_id, actor, kind, subject, reason, before, after, change_id
      FROM ${view}
      WHERE (${actor} = '' OR actor = ${actor}) AND (${subject} = '' OR subject = ${subject})
        AND starts_with(kind, ${kind}) AND at >= ${since ?? '-infinity'}::timestamptz
        AND at < ${until ?? 'infinity'}::timestamptz AND at <= ${after?.at ?? 'infinity'}::timestamptz
        AND (${after === null} OR (at, ${service}::text COLLATE "C", audit_id)
          < (${after?.at ?? 'infinity'}::timestamptz, ${after?.service ?? ''}::text COLLATE "C", ${after?.audit_id ?? 0}::int8))
      ORDER BY at DESC, audit_id DESC LIMIT ${limit})`,
  )
  return database.any(sql.type(auditRow)`
    SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at, service, audit_id, actor, kind, subject,
      reason, before, after, change_id
    FROM (${sql.join(logs, sql.fragment` UNION ALL `)}) a
    ORDER BY a.at DESC, service DESC, audit_id DESC LIMIT ${limit}`)
}
