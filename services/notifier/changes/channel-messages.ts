import { z } from 'zod'
import { type Apply, RefusedError } from '#runtime/changes/apply-changes.ts'
import type { Payload } from '#runtime/changes/kinds.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { destinationName } from '../message/compose-parked.ts'
import type { Message } from '../message/message.ts'
import { allChannels, allChannelSubscriptions } from '../people/channel-rows.ts'
import { type Destination, destinationOf } from '../people/destinations.ts'
import { composeTest, enqueueNow } from '../operate/enqueue-now.ts'
import { requireChannelOf } from './require.ts'

const channelRow = z.object({
  channel_type: z.string(),
  destination: z.string(),
  secret_id: z.string().nullable(),
  /** Everybody who gets messages at the same address. */
  people: z.number(),
})

/** Sends a test message to one of the person's channels, even if it is parked. */
export const testChannel: Apply<Payload<'notifier.channel.test'>> = async (tx, { person, channel }, { id }) => {
  const { destination } = await requireDestination(tx, person, channel)
  await enqueueNow(tx, destination, {
    ...{ notificationId: id, kind: 'test', person: null },
    message: composeTest(destinationName(destination.channel, destination.address)),
  })
  return { message: 'A test message is on its way.', before: null, after: { channel } }
}

/**
 * Sends a link that signs the person in to one of their e-mail channels, which must be theirs alone. The link is made
 * when the mail is sent: it stands in no table.
 */
export const mailSignIn: Apply<Payload<'notifier.sign_in.mail'>> = async (tx, { person, channel, sign_in }, { id }) => {
  const { destination, people } = await requireDestination(tx, person, channel)
  if (destination.channel !== 'EMAIL') throw new RefusedError(`Channel ${channel} is no e-mail address.`)
  if (people > 1) throw new RefusedError(`Several people get messages at channel ${channel}.`)
  await enqueueNow(tx, destination, { notificationId: id, kind: 'sign_in', person, message: composeSignIn(sign_in) })
  return { message: 'The link is on its way.', before: null, after: { channel, sign_in } }
}

async function requireDestination(
  tx: Transaction,
  person: number,
  channel: number,
): Promise<{ destination: Destination; people: number }> {
  await requireChannelOf(tx, person, channel)
  const row = await tx.maybeOne(sql.type(channelRow)`
    SELECT c.channel_type, c.destination, c.secret_id, (
      SELECT count(DISTINCT user_id)::int FROM ${allChannelSubscriptions} s JOIN ${allChannels} o USING (channel_id)
      WHERE o.channel_type = c.channel_type AND lower(o.destination) = lower(c.destination)
    ) AS people
    FROM ${allChannels} c WHERE c.channel_id = ${channel}`)
  if (!row) throw new RefusedError(`There is no channel ${channel}.`)
  const destination = destinationOf({ ...row, company_id: null, user_id: person, user_name: '', through: null })
  if (destination.problem !== null) throw new RefusedError(`Nothing can be sent there: ${destination.problem}.`)
  return { destination, people: row.people }
}

function composeSignIn(signIn: string): Message {
  return {
    subject: 'Sign in to parma-analytics',
    context: 'parma-analytics',
    lines: [
      {
        mark: '',
        title: 'Sign in to parma-analytics',
        details: [
          'Somebody asked for a link that signs you in. It works once, and only for some minutes. If it was not you, there is nothing to do.',
        ],
        linkText: 'Sign in',
      },
    ],
    rest: '',
    topic: { kind: 'sign-in', name: 'parma-analytics' },
    trace: '',
    signIn,
  }
}
