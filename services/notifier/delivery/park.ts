import { z } from 'zod'
import { addToOutbox } from '#runtime/outbox/outbox.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { describeParking } from '../message/compose-parked.ts'

const parkedRow = z.object({
  destination_id: z.number(),
  channel: z.string(),
  address: z.string(),
  reason: z.string(),
  at: z.number(),
})

/** The time of the transaction, as in notifier.parking.at. */
export const nowMs = sql.fragment`floor(extract(epoch FROM now()) * 1000)::bigint`

/** Parks a destination. Its recipients, `people`, and the administrators are notified (announce-parking.ts, outbox). */
export async function park(
  tx: Transaction,
  destinationId: number,
  reason: string,
  people: readonly { id: number }[],
): Promise<void> {
  const ids = people.map(({ id }) => id)
  const parked = await tx.any(sql.type(parkedRow)`
    WITH parked AS (
      UPDATE notifier.destination SET parked_at = now(), parked_reason = ${reason}
      WHERE destination_id = ${destinationId} AND parked_at IS NULL
      RETURNING destination_id, channel, address, parked_reason AS reason
    ), announced AS (
      INSERT INTO notifier.parking (destination_id, resolved, reason, people, is_reported)
      SELECT destination_id, false, reason, ${sql.array(ids, 'int4')}, true FROM parked
    )
    SELECT destination_id, channel, address, reason, ${nowMs} AS at FROM parked`)
  const events = parked.map((row) => describeParking({ ...row, resolved: false }))
  await addToOutbox(tx, 'notifier', events)
}

/** Unparks those of the destinations that are parked, and returns how many. Their recipients are not notified. */
export async function unpark(tx: Transaction, destinationIds: readonly number[]): Promise<number> {
  const unparked = await tx.any(sql.type(parkedRow)`
    WITH parked AS (
      SELECT destination_id, parked_reason AS reason FROM notifier.destination
      WHERE destination_id = ANY(${sql.array(destinationIds, 'int4')}) AND parked_at IS NOT NULL
      ORDER BY destination_id FOR UPDATE
    )
    UPDATE notifier.destination t SET parked_at = NULL, parked_reason = NULL, failures = 0
    FROM parked WHERE t.destination_id = parked.destination_id
    RETURNING t.destination_id, t.channel, t.address, parked.reason, ${nowMs} AS at`)
  const events = unparked.map((row) => describeParking({ ...row, resolved: true }))
  await addToOutbox(tx, 'notifier', events)
  return unparked.length
}
