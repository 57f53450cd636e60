import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { roles } from '#runtime/changes/roles.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { Bounded } from '../http/deadline.ts'
import { hashSessionToken, readSessionToken } from './session-token.ts'
import type { Viewer } from './viewer.ts'

/** A viewer who signed in. */
export type Session = Viewer & { sessionId: string }

export type Sessions = {
  /** The session of a `Cookie` header; null: it names none that is open. */
  find(header: string | undefined): Promise<Session | null>
  /** Whether a `Cookie` header names a session that this process has found open. It costs nothing. */
  hasSeen(header: string | undefined): boolean
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
      return found && { sessionId: found.session_id, userId: found.user_id, role: found.role, name: found.name }
    },
    hasSeen(header) {
      const token = readSessionToken(header)
      return token !== null && seen.has(hashSessionToken(token).toString('hex'))
    },
  }
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
