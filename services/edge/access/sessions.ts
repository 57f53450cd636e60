import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { roles } from '#runtime/changes/roles.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { Bounded } from '../http/deadline.ts'
import { isFormProof, makeFormToken, readFormToken } from './form-token.ts'
import { hashSessionToken, readSessionToken } from './session-token.ts'
import type { Viewer } from './viewer.ts'

/** A viewer who signed in. */
export type Session = Viewer & {
  sessionId: string
  /** What forms of its pages carry (form-token.ts). */
  formToken: string
}

export type Sessions = {
  /** The session of a `Cookie` header; null: it names none that is open. */
  find(header: string | undefined): Promise<Session | null>
  /** Whether a `Cookie` header names a session that this process has found open. It costs nothing. */
  hasSeen(header: string | undefined): boolean
  /** Whether a form with this token was made for whom the session is of: in it, or in another of the same person or key. */
  ownsForm(session: Session, formToken: string | null): Promise<boolean>
}

const sessionRow = z.object({
  session_id: z.string(),
  user_id: z.int().nullable(),
  role: z.enum(roles),
  name: z.string(),
})

/** Of those that hasSeen knows. */
const maxSeen = 10_000

/**
 * Sessions are looked up each time, by the hash of their token: one that was ended is gone at once, and so are those of
 * a person who was deleted and of a key that was revoked or has expired.
 */
export function openSessions(database: Database, bounded: Bounded, idleDays: number): Sessions {
  const seen = new LRUCache<string, true>({ max: maxSeen })

  return {
    async find(header) {
      const token = readSessionToken(header)
      if (token === null) return null
      const hash = hashSessionToken(token)
      const found = await bounded(findSession(database, hash, idleDays))
      if (found) seen.set(hash.toString('hex'), true)
      else seen.delete(hash.toString('hex'))
      if (found === null) return null
      const { session_id: sessionId, user_id: userId, role, name } = found
      return { sessionId, userId, role, name, formToken: makeFormToken(sessionId, hash) }
    },
    hasSeen(header) {
      const token = readSessionToken(header)
      return token !== null && seen.has(hashSessionToken(token).toString('hex'))
    },
    async ownsForm(session, formToken) {
      if (formToken === session.formToken) return true
      const form = readFormToken(formToken)
      const other = form && (await bounded(findSame(database, session.sessionId, form.id)))
      return form !== null && other !== null && isFormProof(form.proof, Buffer.from(other.hash, 'hex'))
    },
  }
}

const sameRow = z.object({ hash: z.string() })

/** The session `other`, ended or not, if it is of the same person or key; null: it is not, or is forgotten. */
function findSame(database: Database, sessionId: string, other: string) {
  return database.maybeOne(sql.type(sameRow)`
    SELECT encode(o.hash, 'hex') AS hash FROM edge.session o JOIN edge.session s ON s.user_id = o.user_id OR s.key_id = o.key_id
    WHERE o.session_id = ${other}::uuid AND s.session_id = ${sessionId}::uuid`)
}

/** Also updates `last_seen_at`, every five minutes at most. */
function findSession(database: Database, hash: Buffer, idleDays: number) {
  return database.maybeOne(sql.type(sessionRow)`
    WITH open AS (
      SELECT s.* FROM edge.session s
      WHERE hash = ${sql.binary(hash)} AND ended_at IS NULL AND expires_at > now()
        AND last_seen_at > now() - make_interval(days => ${idleDays})
    ), seen AS (
      UPDATE edge.session SET last_seen_at = now()
      WHERE session_id IN (SELECT session_id FROM open WHERE last_seen_at < now() - interval '5 minutes')
    )
    SELECT o.session_id, o.user_id, coalesce(u.name, k.name) AS name,
      coalesce(k.role, CASE u.role WHEN 'ADMIN' THEN 'admin' ELSE 'viewer' END) AS role
    FROM open o
    LEFT JOIN public."user" u ON u.id = o.user_id
    LEFT JOIN edge.api_key k ON k.key_id = o.key_id AND k.revoked_at IS NULL AND coalesce(k.expires_at > now(), true)
    WHERE u.id IS NOT NULL OR k.key_id IS NOT NULL`)
}
