import { z } from 'zod'
import { auditCommand, auditWork, readRow } from '#runtime/changes/audit-command.ts'
import { UsageError } from '#runtime/commands/commands.ts'
import { requireId } from '#runtime/commands/read-typed.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { unpark } from '../delivery/park.ts'
import { allChannels, allChannelSubscriptions, isOwnChannel } from '../people/channel-rows.ts'
import { destinationKey, groupByDestination, type SharedDestination } from '../people/destinations.ts'

// Channels of parma-web and of our own, and their destinations.

/** What a command says of an id that does not exist. */
export const channelRemedy = '`parma channels ls` shows the ids.'

const channelRow = z.object({
  id: z.number(),
  type: z.string(),
  destination: z.string(),
  secret_id: z.string().nullable(),
  people: z.array(z.string()),
})
type ChannelRow = z.output<typeof channelRow>

/** Channels with their recipients: all, or the one with this id. */
export function readChannels(database: Pick<Database, 'any'>, id?: number): Promise<readonly ChannelRow[]> {
  return database.any(sql.type(channelRow)`
    SELECT c.channel_id AS id, c.channel_type AS type, c.destination, c.secret_id,
      ARRAY(
        SELECT u.name FROM ${allChannelSubscriptions} s JOIN public."user" u ON u.id = s.user_id
        WHERE s.channel_id = c.channel_id ORDER BY u.name
      ) AS people
    FROM ${allChannels} c
    WHERE ${id === undefined ? sql.fragment`true` : sql.fragment`c.channel_id = ${id}`}
    ORDER BY c.channel_id`)
}

/** The destination of a channel. */
export function destinationOfChannel({
  type,
  destination,
  secret_id,
}: Omit<ChannelRow, 'id' | 'people'>): SharedDestination {
  const nobody = { company_id: null, user_id: 0, user_name: '', through: null }
  const [found] = groupByDestination([{ ...nobody, channel_type: type, destination, secret_id }])
  return found as SharedDestination
}

const destinationStateRow = z.object({
  destination_id: z.number(),
  channel: z.string(),
  address: z.string(),
  secret_id: z.string(),
  state: z.enum(['parked', 'unsubscribed', 'ok']),
  parked_reason: z.string().nullable(),
  last_error: z.string().nullable(),
})
type DestinationState = z.output<typeof destinationStateRow>

/** The states of the destinations that have a row, by destinationKey. */
export async function readDestinationStates(
  database: Pick<Database, 'any'>,
  destinations: readonly SharedDestination[],
): Promise<Map<string, DestinationState>> {
  const rows = await database.any(sql.type(destinationStateRow)`
    SELECT t.destination_id, channel, address, secret_id, parked_reason, d.reason AS last_error,
      CASE WHEN unsubscribed_at IS NOT NULL THEN 'unsubscribed' WHEN parked_at IS NOT NULL THEN 'parked' ELSE 'ok' END AS state
    FROM notifier.destination t
    JOIN ${sql.unnest(
      destinations.map(({ channel, address, secretId }) => [channel, address, secretId]),
      ['text', 'text', 'text'],
    )} AS p (channel, address, secret_id) USING (channel, address, secret_id)
    LEFT JOIN LATERAL (
      SELECT reason FROM notifier.delivery d
      WHERE d.destination_id = t.destination_id AND reason IS NOT NULL ORDER BY delivery_id DESC LIMIT 1
    ) d ON true`)
  return new Map(rows.map((row) => [destinationKey({ ...row, secretId: row.secret_id }), row]))
}

/** The channel with this id. Throws a UsageError when there is none. */
export async function findChannel(database: Database, id: number): Promise<ChannelRow> {
  const [channel] = await readChannels(database, id)
  if (!channel) throw new UsageError(`There is no channel ${id}. ${channelRemedy}`)
  return channel
}

/** Ids of the destinations that a channel leads to; none before its first message. */
export async function findDestinationIds(database: Database, id: number): Promise<number[]> {
  const states = await readDestinationStates(database, [destinationOfChannel(await findChannel(database, id))])
  return [...states.values()].map(({ destination_id }) => destination_id)
}

const destinationRow = z.object({ destination_id: z.number() })

/** Ids of all parked destinations. */
export async function findParkedIds(database: Database): Promise<number[]> {
  return [
    ...(await database.anyFirst(
      sql.type(destinationRow)`SELECT destination_id FROM notifier.destination WHERE parked_at IS NOT NULL`,
    )),
  ]
}

/** The id of one of a person's channels, typed as `option`. Throws a UsageError if they get no messages there. */
export async function requireChannelOf(
  database: Pick<Database, 'exists'>,
  person: number,
  option: string,
  text: string,
): Promise<number> {
  const id = requireId(text, channelRemedy, option)
  const isTheirs = await database.exists(sql.unsafe`
    SELECT FROM ${allChannelSubscriptions} s WHERE user_id = ${person} AND channel_id = ${id}`)
  if (!isTheirs)
    throw new UsageError(
      `Person ${person} gets no messages at channel ${id}: run \`parma subscriptions add --person ${person} --channel ${id}\` first.`,
    )
  return id
}

/** What a command did to a channel. */
export const auditedChannel = (verb: string, id: number) => ({
  kind: `notifier.channel.${verb}`,
  subject: `channel:${id}`,
})

/** A channel as the audit log has it; null: there is none. */
export const readChannelRow = (tx: Transaction, id: number) =>
  isOwnChannel(id)
    ? readRow(tx, ['notifier', 'channel'], { key: 'channel_id', id })
    : readRow(tx, ['public', 'notification_channel'], { key: 'id', id })

/** Changes a row of a channel, with its audit row. */
export function changeChannel(database: Database, verb: string, id: number, change: ReturnType<typeof sql.unsafe>) {
  return database.transaction((tx) =>
    auditWork(tx, 'notifier', auditedChannel(verb, id), {
      read: () => readChannelRow(tx, id),
      work: () => tx.query(change),
    }),
  )
}

/** Unparks destinations, with an audit row of `subject`. Returns how many were parked. */
export function unparkAll(database: Database, destinations: readonly number[], subject: string): Promise<number> {
  return database.transaction(async (tx) => {
    const count = await unpark(tx, destinations)
    const did = { kind: 'notifier.channel.unpark', subject }
    if (count > 0) await auditCommand(tx, 'notifier', { ...did, after: { destinations } })
    return count
  })
}
