import { z } from 'zod'
import { writeAudit } from '#runtime/changes/audit.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { makeSessionToken } from '../access/session-token.ts'
import type { Session } from '../access/sessions.ts'
import { actorOf } from '../changes/changes.ts'

/** What ended is kept for a month, for questions about the audit log. */
export async function pruneSessions(database: Database): Promise<void> {
  await database.query(sql.unsafe`
    DELETE FROM edge.session WHERE coalesce(ended_at, expires_at) < now() - interval '30 days'`)
  await database.query(sql.unsafe`DELETE FROM edge.sign_in WHERE expires_at < now() - interval '30 days'`)
}

/** Whom a session is of: a person, or an API key. */
export type Who = { userId: number; keyId: null } | { userId: null; keyId: number; name: string }

/** Where a request came from. */
export type Origin = { address: string }

const sessionRow = z.object({ session_id: z.string() })

/**
 * Starts a session and ends the one that the browser had. The token is new, whatever the browser sent. Resolves with it.
 */
export async function startSession(
  tx: Transaction,
  who: Who,
  days: number,
  { address, by, former }: Origin & { by: 'link' | 'key'; former: Session | null },
): Promise<string> {
  const { token, hash } = makeSessionToken()
  const { session_id } = await tx.one(sql.type(sessionRow)`
    INSERT INTO edge.session (hash, user_id, key_id, expires_at)
    VALUES (${sql.binary(hash)}, ${who.userId}, ${who.keyId}, now() + make_interval(days => ${days}))
    RETURNING session_id`)
  if (former)
    await tx.query(sql.unsafe`UPDATE edge.session SET ended_at = now() WHERE session_id = ${former.sessionId}`)
  const actor = who.userId === null ? `key:${who.name}` : `person:${who.userId}`
  await writeAudit(tx, 'edge', {
    ...{ actor, kind: 'edge.session.start', subject: `session:${session_id}` },
    ...{ before: former && { session: former.sessionId }, after: { by, address } },
  })
  return token
}

/** Ends a session. */
export function endSession(database: Database, session: Session, { address }: Origin): Promise<void> {
  return database.transaction(async (tx) => {
    const { rowCount } = await tx.query(sql.unsafe`
      UPDATE edge.session SET ended_at = now() WHERE session_id = ${session.sessionId} AND ended_at IS NULL`)
    if (rowCount > 0)
      await writeAudit(tx, 'edge', {
        ...{ actor: actorOf(session).name, kind: 'edge.session.end', subject: `session:${session.sessionId}` },
        ...{ before: null, after: { address } },
      })
  })
}

const countRow = z.object({ count: z.int() })

const isOwn = ({ sessionId }: Session) => sql.fragment`
  s.ended_at IS NULL AND s.expires_at > now() AND s.session_id IN (
    SELECT same.session_id FROM edge.session one
    JOIN edge.session same ON same.user_id = one.user_id OR same.key_id = one.key_id
    WHERE one.session_id = ${sessionId})`

/** How many browsers a person or key is signed in at, at most: some may have been idle for too long. */
export function countSessions(database: Database, session: Session): Promise<number> {
  return database.oneFirst(sql.type(countRow)`
    SELECT count(*)::int AS count FROM edge.session s WHERE ${isOwn(session)}`)
}

/** Ends all sessions of a person or key, and links of the person that were not used. */
export function endAllSessions(database: Database, session: Session, { address }: Origin): Promise<void> {
  const actor = actorOf(session).name
  return database.transaction(async (tx) => {
    const { rowCount: sessions } = await tx.query(sql.unsafe`
      UPDATE edge.session s SET ended_at = now() WHERE ${isOwn(session)}`)
    if (session.userId !== null)
      await tx.query(sql.unsafe`
        UPDATE edge.sign_in SET expires_at = now() WHERE user_id = ${session.userId} AND expires_at > now()`)
    await writeAudit(tx, 'edge', {
      ...{ actor, kind: 'edge.session.end_all', subject: actor },
      ...{ before: { sessions }, after: { sessions: 0, address } },
    })
  })
}
