import { z } from 'zod'
import { addToOutbox } from '#runtime/outbox/outbox.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import type { Answer } from '../channels/answer.ts'
import { describeParking } from '../message/compose-parked.ts'
import { nowMs } from './park.ts'

const atRow = z.object({ at: z.number() })

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
      await database.transaction(async (tx) => {
        const lasting = await tx.maybeOneFirst(sql.type(atRow)`
          WITH noted AS (
            INSERT INTO notifier.trouble (channel) VALUES (${channel}) ON CONFLICT DO NOTHING
          )
          UPDATE notifier.trouble SET is_told = true
          WHERE channel = ${channel} AND NOT is_told AND since <= now() - ${afterMs} * interval '1 ms'
          RETURNING ${nowMs} AS at`)
        if (lasting !== null) await report(tx, channel, lasting, answer.reason)
      })
    } else if (answer.kind === 'sent' && !working.has(channel)) {
      working.add(channel)
      await database.transaction(async (tx) => {
        const over = await tx.maybeOneFirst(sql.type(atRow)`
          WITH over AS (DELETE FROM notifier.trouble WHERE channel = ${channel} RETURNING is_told)
          SELECT ${nowMs} AS at FROM over WHERE is_told`)
        if (over !== null) await report(tx, channel, over, null)
      })
    }
  }
}

/** `reason` null: it is over. */
async function report(tx: Transaction, channel: string, at: number, reason: string | null): Promise<void> {
  const place = { destination_id: null, address: null, channel }
  const event = describeParking({ ...place, at, resolved: reason === null, reason: reason ?? '' })
  await addToOutbox(tx, 'notifier', [event])
}
