import { z } from 'zod'
import { type AuditLogs, type AuditRow, readAudit } from '#runtime/changes/read-audit.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { Session } from '../access/sessions.ts'
import { time, timeOf, words } from '../ask/parameters.ts'
import { orUnavailable } from '../ask/respond.ts'
import { given } from '../console/news-query.ts'
import { asPage, showPage } from '../design/layout.ts'
import { withQuery } from '../design/parts.ts'
import { readZone } from '../design/zone.ts'
import { type Asked, cutPage, readCursor } from '../http/cursor.ts'
import type { Bounded } from '../http/deadline.ts'
import type { RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { auditMain } from './audit-page.ts'

export type AuditDeps = { database: Database; bounded: Bounded }

const path = '/console/audit'

const auditQuery = z.object({
  actor: words.optional().describe('Who: person:17, link:17, key:name or cli:name.'),
  kind: words.optional().describe('What was done, or how that begins, such as notifier.mute.'),
  subject: words.optional().describe('To what, such as person:17.'),
  since: time.optional(),
  until: time.optional(),
  cursor: z.string().max(2000).optional(),
})

/** The page of the audit log. */
export function auditRoutes(deps: AuditDeps): Route[] {
  const doc = {
    summary: 'Who did what, with what was there before.',
    query: auditQuery,
    responses: {
      200: asPage('The page.'),
      400: { description: 'The cursor is damaged, or belongs to other filters.' },
    },
  }
  return [{ method: 'get', path, role: 'desk', doc, handle: showAudit(deps) }]
}

const logs: AuditLogs = {
  analyzer: sql.fragment`analyzer.audit_view`,
  cli: sql.fragment`cli.audit_view`,
  edge: sql.fragment`edge.audit_view`,
  normalizer: sql.fragment`normalizer.audit_view`,
  notifier: sql.fragment`notifier.audit_view`,
  scheduler: sql.fragment`scheduler.audit_view`,
}

const pageSize = 25
const position = z.tuple([z.iso.datetime(), z.string().max(20), z.int().min(0)])

function showAudit({ database, bounded }: AuditDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { cursor, ...filters } = validate(auditQuery, given(request.query), 'query')
    const asked: Asked = { route: path, parameters: filters }
    const after = cursor === undefined ? null : toPosition(readCursor(position, asked, cursor))
    const filter = { ...filters, since: timeOf(filters.since), until: timeOf(filters.until) }
    const [found, zone] = await Promise.all([
      orUnavailable(bounded(readAudit(database, logs, filter, pageSize + 1, after))),
      bounded(readZone(database, viewer, request.headers.cookie)),
    ])
    const { rows, next } = cutPage(asked, found, pageSize, ({ at, service, audit_id }) => [at, service, audit_id])
    const names = await bounded(readNames(database, rows))
    const nextPage = next === null ? null : withQuery(path, { ...filters, cursor: next })
    const main = auditMain({ filters, rows, names, next: nextPage, zone })
    return showPage({ title: 'Audit', main, viewer, desk: 'audit', zone, width: 'wide' })
  }
}

function toPosition([at, service, audit_id]: z.output<typeof position>) {
  return { at, service, audit_id }
}

const nameRow = z.object({ id: z.number(), name: z.string() })

/** Names of the people in these rows, as the log calls them. */
async function readNames(database: Database, rows: readonly AuditRow[]): Promise<Map<string, string>> {
  const ids = rows.flatMap(({ actor, subject }) =>
    [actor, subject].flatMap((text) => /^(?:person|link):(\d{1,9})$/.exec(text)?.[1] ?? []),
  )
  const found = await database.any(sql.type(nameRow)`
    SELECT id, name FROM public."user" WHERE id = ANY(${sql.array([...new Set(ids)].map(Number), 'int4')})`)
  return new Map(found.map(({ id, name }) => [`person:${id}`, name]))
}
