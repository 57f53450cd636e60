import { type Database, sql } from '#runtime/postgres/database.ts'
import type { Answer } from '../channels/answer.ts'

/**
 * Has operators told of a kind of channel, or of one of its secrets, with which calls fail for a reason that is ours, once
 * that has lasted for `afterMs`, and of its end. The returned function takes every answer, with what it is an answer of.
 */
export function watchOutages(database: Database, afterMs: number): (answer: Answer, channel: string) => Promise<void> {
  // Whoever was there before may have left one of any other.
  const working = new Set<string>()
  return async (answer, channel) => {
    if (answer.kind === 'retry' && answer.isOutage) {
      working.delete(channel)
      await database.query(sql.unsafe`
        WITH noted AS (
          INSERT INTO notifier.trouble (channel) VALUES (${channel}) ON CONFLICT DO NOTHING
        ), lasting AS (
          UPDATE notifier.trouble SET is_told = true
          WHERE channel = ${channel} AND NOT is_told AND since <= now() - ${afterMs} * interval '1 ms'
          RETURNING channel
        )
        INSERT INTO notifier.parking (channel, resolved, reason) SELECT channel, false, ${answer.reason} FROM lasting`)
    } else if (answer.kind === 'sent' && !working.has(channel)) {
      working.add(channel)
      await database.query(sql.unsafe`
        WITH over AS (DELETE FROM notifier.trouble WHERE channel = ${channel} RETURNING channel, is_told)
        INSERT INTO notifier.parking (channel, resolved, reason) SELECT channel, true, '' FROM over WHERE is_told`)
    }
  }
}
