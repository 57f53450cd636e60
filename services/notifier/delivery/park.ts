import { sql, type Transaction } from '#runtime/postgres/database.ts'

/** Parks a destination. Its recipients, `people`, and the administrators are notified (announce-parking.ts). */
export async function park(
  tx: Pick<Transaction, 'query'>,
  destinationId: number,
  reason: string,
  people: readonly { id: number }[],
): Promise<void> {
  const ids = people.map(({ id }) => id)
  await tx.query(sql.unsafe`
    WITH parked AS (
      UPDATE notifier.destination SET parked_at = now(), parked_reason = ${reason}
      WHERE destination_id = ${destinationId} AND parked_at IS NULL
      RETURNING destination_id
    )
    INSERT INTO notifier.parking (destination_id, resolved, reason, people)
    SELECT destination_id, false, ${reason}, ${sql.array(ids, 'int4')} FROM parked`)
}

/** Unparks those of the destinations that are parked, and returns how many. Their recipients are not notified. */
export async function unpark(tx: Pick<Transaction, 'query'>, destinationIds: readonly number[]): Promise<number> {
  const { rowCount } = await tx.query(sql.unsafe`
    WITH parked AS (
      SELECT destination_id, parked_reason FROM notifier.destination
      WHERE destination_id = ANY(${sql.array(destinationIds, 'int4')}) AND parked_at IS NOT NULL
      ORDER BY destination_id FOR UPDATE
    ), unparked AS (
      UPDATE notifier.destination t SET parked_at = NULL, parked_reason = NULL, failures = 0
      FROM parked WHERE t.destination_id = parked.destination_id
    )
    INSERT INTO notifier.parking (destination_id, resolved, reason)
    SELECT destination_id, true, parked_reason FROM parked`)
  return rowCount
}
