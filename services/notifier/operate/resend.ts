import { z } from 'zod'
import { type Apply, RefusedError } from '#runtime/changes/apply-changes.ts'
import type { Payload } from '#runtime/changes/kinds.ts'
import { type Database, sql, type SqlFragment, type Transaction } from '#runtime/postgres/database.ts'
import { formatCount } from '#runtime/text/format.ts'
import { channelKinds } from '../channels/kinds.ts'

/** The tables of the delivery log: `d` deliveries, `n` notifications, `t` destinations. */
export const deliveryTables = sql.fragment`
  notifier.delivery d JOIN notifier.notification n USING (notification_id) JOIN notifier.destination t USING (destination_id)`

const judgedRow = z.object({
  id: z.number(),
  subject: z.string(),
  channel: z.string(),
  destination: z.string(),
  state: z.enum(['pending', 'sending', 'sent', 'failed', 'unknown']),
  is_due: z.boolean(),
  is_unsubscribed: z.boolean(),
})

/** `resend`: `yes`, or why the delivery is not sent again. */
export type Judged = { id: number; subject: string; destination: string; resend: string }

/** Whether deliveries may be sent again. `again`: also what a receiver has that knows by its id what it has. */
export async function judgeDeliveries(
  connection: Pick<Database, 'any'>,
  condition: SqlFragment,
  again: boolean,
  locking = sql.fragment``,
): Promise<Judged[]> {
  const found = await connection.any(sql.type(judgedRow)`
    SELECT d.delivery_id AS id, n.message ->> 'subject' AS subject, t.channel, t.address AS destination, d.state,
      d.due_at IS NOT NULL AS is_due, t.unsubscribed_at IS NOT NULL AS is_unsubscribed
    FROM ${deliveryTables} WHERE ${condition} ORDER BY d.delivery_id ${locking}`)
  return found.map((row) => ({
    ...{ id: row.id, subject: row.subject, destination: row.destination },
    resend: judge(row, again),
  }))
}

export const goodOf = (judged: readonly Judged[]) =>
  judged.filter(({ resend }) => resend.startsWith('yes')).map(({ id }) => id)

/** Makes those that may be sent again pending, and returns what was judged of all. */
export async function resendGood(tx: Transaction, condition: SqlFragment, again: boolean): Promise<Judged[]> {
  const judged = await judgeDeliveries(tx, condition, again, sql.fragment`FOR UPDATE OF d`)
  // Like a new delivery, so that retries start over.
  await tx.query(sql.unsafe`
    UPDATE notifier.delivery SET state = 'pending', due_at = now(), created_at = now(), settled_at = NULL
    WHERE delivery_id = ANY(${sql.array(goodOf(judged), 'int8')})`)
  return judged
}

/** Sends deliveries again, for whoever asks on a page. Throws a RefusedError when none may be. */
export const resendDeliveries: Apply<Payload<'notifier.delivery.resend'>> = async (tx, { deliveries }) => {
  const judged = await resendGood(tx, sql.fragment`d.delivery_id = ANY(${sql.array(deliveries, 'int8')})`, true)
  const good = goodOf(judged)
  if (good.length === 0) {
    const why = judged[0]?.resend.replace('no: ', '') ?? 'it does not exist'
    throw new RefusedError(`Nothing is sent again: ${why}.`)
  }
  const after = { deliveries: good }
  return { message: `${formatCount(good.length, 'message')} will be sent again.`, before: null, after }
}

function judge({ state, is_due, is_unsubscribed, channel, destination }: z.output<typeof judgedRow>, again: boolean) {
  // A receiver knows by its id what it has.
  const isAgain = state === 'sent' && again && channel === 'WEBHOOK'
  if (state !== 'failed' && state !== 'unknown' && !isAgain) return `no: it is ${state}`
  if (is_due) return 'no: it is still being looked up'
  if (is_unsubscribed) return 'no: its recipients have unsubscribed'
  if (!isUsable(channel, destination)) return 'no: the destination cannot be used'
  if (isAgain) return 'yes, with the same webhook-id'
  return state === 'unknown' ? 'yes, though it may have arrived' : 'yes'
}

function isUsable(channel: string, destination: string): boolean {
  try {
    return channelKinds[channel]?.parse(destination) === destination
  } catch {
    return false
  }
}
