import { z } from 'zod'
import { type Apply, RefusedError } from '#runtime/changes/apply-changes.ts'
import type { Payload } from '#runtime/changes/kinds.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { lockTable, utcNow } from '#runtime/postgres/public-tables.ts'
import { channelKinds } from '../channels/kinds.ts'
import { allChannels, allChannelSubscriptions, isOwnChannel } from '../people/channel-rows.ts'
import { isSecretName, secretVariable } from '../secrets/secrets.ts'

const idRow = z.object({ id: z.number() })
const either = (texts: readonly string[]) => new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(texts)

export const channelTypes = either(Object.keys(channelKinds))

/** The address of a channel as it is stored. Throws a RefusedError, with what was typed after `what`. */
export function parseDestination(type: string, destination: string, what = 'The destination'): string {
  const kind = channelKinds[type]
  if (!kind) throw new RefusedError(`There is no channel type ${type}: give ${channelTypes}.`)
  try {
    return kind.parse(destination)
  } catch (error) {
    throw new RefusedError(`${what} ${JSON.stringify(destination)} ${(error as Error).message}.`)
  }
}

/** The name of a channel's secret; null: it has none. Throws a RefusedError where it needs one, or takes none. */
export function parseSecret(type: string, secretId: string | undefined, what = 'the name of a secret'): string | null {
  const kind = channelKinds[type]
  if (secretId === undefined && kind?.needsSecret)
    throw new RefusedError(`A channel of type ${type} needs ${what}, the name of the secret with ${kind.help.secret}.`)
  if (secretId === undefined) return null
  if (!kind?.hasSecrets) throw new RefusedError(`A channel of type ${type} takes no secret: omit ${what}.`)
  if (isSecretName(secretId)) return secretId
  throw new RefusedError(
    `${what} is the name of a secret, not the secret itself: letters, digits, ".", "_" and "-". The variable of a secret called slack-bot is ${secretVariable('slack-bot')}.`,
  )
}

type NewChannel = { type: string; destination: string; secret: string | null }

/** The channel with this address, which is made if there is none. */
export async function ensureChannel(
  tx: Transaction,
  { type, destination, secret }: NewChannel,
): Promise<{ id: number; isNew: boolean }> {
  await lockTable(tx, 'notification_channel')
  const known = await tx.maybeOne(sql.type(idRow)`
    SELECT min(channel_id) AS id FROM ${allChannels} c
    WHERE channel_type = ${type} AND destination = ${destination} AND secret_id IS NOT DISTINCT FROM ${secret}
    HAVING count(*) > 0`)
  if (known) return { id: known.id, isNew: false }
  const isOurs = await tx.oneFirst(sql.type(z.object({ is_ours: z.boolean() }))`
    SELECT ${type} <> ALL(enum_range(NULL::public.channel_type)::text[]) AS is_ours`)
  const { id } = await tx.one(
    isOurs
      ? sql.type(idRow)`
          INSERT INTO notifier.channel (channel_type, destination, secret_id)
          VALUES (${type}, ${destination}, ${secret}) RETURNING channel_id AS id`
      : sql.type(idRow)`
          INSERT INTO public.notification_channel (channel_type, destination, secret_id, modified_at)
          VALUES (${type}::public.channel_type, ${destination}, ${secret}, ${utcNow}) RETURNING id`,
  )
  return { id, isNew: true }
}

/**
 * Subscribes a person to a channel, for one purpose: a new purpose replaces the old one. Returns 0 if nothing changed.
 */
export async function subscribeChannel(
  tx: Transaction,
  person: number,
  channel: number,
  purpose: string,
): Promise<number> {
  if (isOwnChannel(channel)) {
    const { rowCount } = await tx.query(sql.unsafe`
      INSERT INTO notifier.channel_subscription AS s (user_id, channel_id, channel_purpose) VALUES (${person}, ${channel}, ${purpose})
      ON CONFLICT (user_id, channel_id) DO UPDATE SET channel_purpose = excluded.channel_purpose
      WHERE s.channel_purpose <> excluded.channel_purpose`)
    return rowCount
  }
  const { rowCount } = await tx.query(sql.unsafe`
    INSERT INTO public.notification_subscription AS s (user_id, channel_id, channel_purpose, modified_at)
    VALUES (${person}, ${channel}, ${purpose}::public.channel_purpose, ${utcNow})
    ON CONFLICT (user_id, channel_id) DO UPDATE SET channel_purpose = excluded.channel_purpose, modified_at = excluded.modified_at
    WHERE s.channel_purpose <> excluded.channel_purpose`)
  return rowCount
}

/** Lets a person get messages at a channel, which is made if there is none with this address. */
export const addChannel: Apply<Payload<'notifier.channel.add'>> = async (tx, { person, purpose, ...wanted }) => {
  const { type } = wanted
  await requireThere(tx, person)
  const destination = parseDestination(type, wanted.destination.trim())
  const secret = parseSecret(type, wanted.secret)
  const { id } = await ensureChannel(tx, { type, destination, secret })
  const changed = await subscribeChannel(tx, person, id, purpose)
  if (changed === 0) throw new RefusedError('The person gets messages there already.')
  const after = { channel: id, type, destination, secret, purpose }
  return { message: 'The channel is added: send a test to see that it works.', before: null, after, id }
}

/** Ends messages to a person at a channel. The channel stays. */
export const leaveChannel: Apply<Payload<'notifier.channel.leave'>> = async (tx, { person, channel }) => {
  const before = await tx.maybeOne(sql.type(z.object({ channel: z.number(), purpose: z.string() }))`
    SELECT channel_id AS channel, channel_purpose AS purpose FROM ${allChannelSubscriptions} s
    WHERE user_id = ${person} AND channel_id = ${channel} LIMIT 1`)
  if (!before) throw new RefusedError(`Person ${person} gets no messages at channel ${channel}.`)
  await tx.query(
    isOwnChannel(channel)
      ? sql.unsafe`DELETE FROM notifier.channel_subscription WHERE user_id = ${person} AND channel_id = ${channel}`
      : sql.unsafe`DELETE FROM public.notification_subscription WHERE user_id = ${person} AND channel_id = ${channel}`,
  )
  return { message: 'The person gets no more messages there. Add the channel again to undo it.', before, after: null }
}

async function requireThere(tx: Transaction, person: number): Promise<void> {
  if (!(await tx.exists(sql.unsafe`SELECT FROM public."user" WHERE id = ${person}`)))
    throw new RefusedError(`There is no person ${person}.`)
}
