import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { utcIso, utcTime } from '../http/time.ts'

/** A person who comes back within this time is still on the same visit. */
const pauseMinutes = 30

const seenRow = z.object({ since: utcTime.nullable() })

/**
 * Until when the person has seen the news: the end of their last visit, or what they marked as seen since. It is the same
 * in every tab for as long as a visit lasts. Null: this is their first visit.
 */
export async function noteVisit(database: Database, userId: number): Promise<string | null> {
  const { since } = await database.one(sql.type(seenRow)`
    INSERT INTO edge.visit AS v (user_id, last_at) VALUES (${userId}, now())
    ON CONFLICT (user_id) DO UPDATE SET last_at = greatest(v.last_at, now()), seen_until = CASE
      WHEN v.last_at < now() - ${`${pauseMinutes} minutes`}::interval
        THEN greatest(v.seen_until, v.last_at) ELSE v.seen_until END
    RETURNING ${utcIso(sql.fragment`seen_until`)} AS since`)
  return since
}

/** The person has seen everything until then. A time in the future counts as now; an earlier one than before, as that. */
export async function markSeen(database: Database, userId: number, until: string): Promise<void> {
  await database.query(sql.unsafe`
    INSERT INTO edge.visit AS v (user_id, last_at, seen_until)
    VALUES (${userId}, now(), least(${until}::timestamptz, now()))
    ON CONFLICT (user_id) DO UPDATE SET seen_until = greatest(v.seen_until, excluded.seen_until)`)
}
