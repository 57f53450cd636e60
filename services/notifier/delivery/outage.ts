import { type Database, sql } from '#runtime/postgres/database.ts'
import type { Answer } from '../channels/answer.ts'

/**
 * Reports channel outages: calls of a kind of channel, or with one of its secrets, that fail for a reason on our side.
 * An outage is reported once it has lasted `afterMs`, and again when it ends. Call the returned function with every
 * answer and with what it concerns: the name of the kind, or of the kind with the secret.
 */
export function watchOutages(database: Database, afterMs: number): (answer: Answer, channel: string) => Promise<void> {
  // Another process may have left an outage open, so the first success of each is written, too.
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
