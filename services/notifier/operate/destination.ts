import { z } from 'zod'
import { type Apply, RefusedError } from '#runtime/changes/apply-changes.ts'
import type { Payload } from '#runtime/changes/kinds.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { formatCount } from '#runtime/text/format.ts'
import { unpark } from '../delivery/park.ts'
import { destinationName } from '../message/compose-parked.ts'
import { composeTest, enqueueNow } from './enqueue-now.ts'

const destinationRow = z.object({
  channel: z.string(),
  address: z.string(),
  secret_id: z.string(),
  problem: z.string().nullable(),
})

/** Sends a test message to a destination, even if it is parked: one that arrives unparks it. */
export const testDestination: Apply<Payload<'notifier.destination.test'>> = async (tx, { destination }, { id }) => {
  const { channel, address, secret_id: secretId, problem } = await requireDestination(tx, destination)
  if (problem !== null) throw new RefusedError(`Nothing can be sent there: ${problem}.`)
  const message = composeTest(destinationName(channel, address))
  const to = { channel, address, secretId, problem }
  await enqueueNow(tx, to, { notificationId: id, kind: 'test', person: null, message })
  const said = 'A test message is on its way. One that arrives unparks the destination.'
  return { message: said, before: null, after: { destination } }
}

/** Sends to a parked destination again, what waits first. */
export const unparkDestination: Apply<Payload<'notifier.destination.unpark'>> = async (tx, { destination }) => {
  await requireDestination(tx, destination)
  const waiting = await tx.oneFirst(sql.type(z.object({ count: z.number() }))`
    SELECT count(*)::int AS count FROM notifier.delivery WHERE destination_id = ${destination} AND state = 'pending'`)
  if ((await unpark(tx, [destination])) === 0)
    throw new RefusedError('It is not parked any more: somebody unparked it, or a message arrived.')
  const message = `It is open again: ${formatCount(waiting, 'message')} that waited will be sent.`
  return { message, before: null, after: { destinations: [destination] } }
}

async function requireDestination(tx: Transaction, id: number): Promise<z.output<typeof destinationRow>> {
  const found = await tx.maybeOne(sql.type(destinationRow)`
    SELECT channel, address, secret_id, problem FROM notifier.destination WHERE destination_id = ${id}`)
  if (!found) throw new RefusedError(`There is no destination ${id}.`)
  return found
}
