import type { Command } from 'commander'
import { z } from 'zod'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows, UsageError } from '#runtime/commands/commands.ts'
import { confirm, withYes } from '#runtime/commands/confirm.ts'
import { requireId } from '#runtime/commands/read-typed.ts'
import { sql } from '#runtime/postgres/database.ts'
import { lockTable, utcNow } from '#runtime/postgres/public-tables.ts'
import { channelKinds } from '../channels/kinds.ts'
import { isSecretName, secretVariable } from '../secrets/secrets.ts'
import { resubscribe } from '../people/unsubscribe.ts'
import { allChannels, isOwnChannel } from '../people/channel-rows.ts'
import { destinationKey } from '../people/destinations.ts'
import {
  auditedChannel,
  changeChannel,
  channelRemedy,
  destinationOfChannel,
  findChannel,
  findDestinationIds,
  findParkedIds,
  readChannelRow,
  readChannels,
  readDestinationStates,
  unparkAll,
} from './channel-store.ts'
import { test } from './test-channel.ts'

type Output = { json?: boolean }

const types = Object.keys(channelKinds)
const either = (texts: readonly string[]) => new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(texts)
const destinations = either(Object.values(channelKinds).map(({ help }) => help.destination))
const secrets = Object.entries(channelKinds).flatMap(([type, { help }]) =>
  help.secret ? [`${type}: ${help.secret}`] : [],
)
const idRow = z.object({ id: z.number() })

export function build(group: Command): void {
  group
    .command('ls')
    .description('list channels with their recipients and state')
    .option('--json', 'print JSON')
    .action(list)
  group
    .command('add')
    .description('add a channel; `parma subscriptions add` adds its recipients')
    .requiredOption('--type <type>', either(types))
    .requiredOption('--destination <destination>', destinations)
    .option('--secret-id <name>', `name of a secret (${secrets.join('; ')})`)
    .option('--if-missing', 'do nothing if the channel exists')
    .option('--json', 'print JSON')
    .action(add)
  group
    .command('edit')
    .description('change a channel')
    .argument('<id>', 'id of the channel')
    .option('--destination <destination>', destinations)
    .option('--secret-id <name>', 'name of a secret; empty for none')
    .option('--json', 'print JSON')
    .action(edit)
  withYes(group.command('rm').description('remove a channel'))
    .argument('<id>', 'id of the channel')
    .option('--json', 'print JSON')
    .action(remove)
  group
    .command('test')
    .description(
      'send one test message through the running notifier and print the result; a message that arrives unparks the channel',
    )
    .argument('<id>', 'id of the channel')
    .option('--wait <seconds>', 'how long to wait for the result', '60')
    .option('--json', 'print JSON')
    .action(test)
  group
    .command('unpark')
    .description('send to a parked channel again, waiting messages first')
    .argument('[id]', 'id of the channel')
    .option('--all', 'unpark every parked channel')
    .option('--json', 'print JSON')
    .action(unparkChannels)
  group
    .command('resubscribe')
    .description('send e-mails again to an unsubscribed address, if its owner wants them')
    .argument('<id>', 'id of the channel')
    .option('--json', 'print JSON')
    .action(resubscribeChannel)
}

async function list({ json = false }: Output): Promise<void> {
  const rows = await withDatabase(async (database) => {
    const channels = (await readChannels(database)).map((channel) => ({
      channel,
      destination: destinationOfChannel(channel),
    }))
    const states = await readDestinationStates(
      database,
      channels.map(({ destination }) => destination),
    )
    return channels.map(({ channel, destination }) => {
      const known = states.get(destinationKey(destination))
      return {
        ...channel,
        state: destination.problem ? 'wrong' : (known?.state ?? 'ok'),
        problem: destination.problem ?? known?.parked_reason ?? known?.last_error ?? null,
      }
    })
  })
  printRows(rows, json)
}

type NewChannel = Output & { type: string; destination: string; secretId?: string; ifMissing?: boolean }

async function add({
  type: given,
  destination: text,
  secretId,
  ifMissing = false,
  json = false,
}: NewChannel): Promise<void> {
  const type = given.toUpperCase()
  const destination = parseDestination(type, text)
  const secret = parseSecret(type, secretId)
  const result = await withDatabase((database) =>
    database.transaction(async (tx) => {
      await lockTable(tx, 'notification_channel')
      const known = await tx.maybeOne(sql.type(idRow)`
        SELECT min(channel_id) AS id FROM ${allChannels} c
        WHERE channel_type = ${type} AND destination = ${destination} AND secret_id IS NOT DISTINCT FROM ${secret}
        HAVING count(*) > 0`)
      if (known && ifMissing) return { id: known.id, added: false }
      if (known) throw new UsageError(`Channel ${known.id} is the same: use it, or --if-missing.`)
      const isOurs = await tx.oneFirst(
        sql.type(z.object({ is_ours: z.boolean() }))`
          SELECT ${type} <> ALL(enum_range(NULL::public.channel_type)::text[]) AS is_ours`,
      )
      const { id } = await tx.one(
        isOurs
          ? sql.type(idRow)`
              INSERT INTO notifier.channel (channel_type, destination, secret_id)
              VALUES (${type}, ${destination}, ${secret}) RETURNING channel_id AS id`
          : sql.type(idRow)`
              INSERT INTO public.notification_channel (channel_type, destination, secret_id, modified_at)
              VALUES (${type}::public.channel_type, ${destination}, ${secret}, ${utcNow}) RETURNING id`,
      )
      await auditCommand(tx, 'notifier', { ...auditedChannel('add', id), after: await readChannelRow(tx, id) })
      return { id, added: true }
    }),
  )
  printResult(result, result.added ? `added channel ${result.id}` : `channel ${result.id} already exists`, json)
}

async function edit(
  text: string,
  { destination, secretId, json = false }: Output & { destination?: string; secretId?: string },
): Promise<void> {
  if (destination === undefined && secretId === undefined)
    throw new UsageError('Nothing to change: give --destination or --secret-id.')
  const id = requireId(text, channelRemedy)
  await withDatabase(async (database) => {
    const channel = await findChannel(database, id)
    const next = {
      destination: destination === undefined ? channel.destination : parseDestination(channel.type, destination),
      secret: secretId === undefined ? channel.secret_id : parseSecret(channel.type, secretId || undefined),
    }
    const change = isOwnChannel(id)
      ? sql.unsafe`
            UPDATE notifier.channel SET destination = ${next.destination}, secret_id = ${next.secret} WHERE channel_id = ${id}`
      : sql.unsafe`
            UPDATE public.notification_channel SET destination = ${next.destination}, secret_id = ${next.secret}, modified_at = ${utcNow}
            WHERE id = ${id}`
    await changeChannel(database, 'edit', id, change)
  })
  printResult({ id }, `changed channel ${id}`, json)
}

async function remove(text: string, { yes, json = false }: Output & { yes?: boolean }): Promise<void> {
  const id = requireId(text, channelRemedy)
  await withDatabase(async (database) => {
    const { type, destination, people } = await findChannel(database, id)
    await confirm(
      yes,
      `This removes channel ${id} (${type} ${destination}). People who get messages there: ${people.length}.`,
    )
    const removal = isOwnChannel(id)
      ? sql.unsafe`DELETE FROM notifier.channel WHERE channel_id = ${id}`
      : sql.unsafe`DELETE FROM public.notification_channel WHERE id = ${id}`
    await changeChannel(database, 'remove', id, removal)
  })
  printResult({ id }, `removed channel ${id}`, json)
}

async function resubscribeChannel(text: string, { json = false }: Output): Promise<void> {
  const id = requireId(text, channelRemedy)
  const resubscribed = await withDatabase(async (database) => {
    const destinations = await findDestinationIds(database, id)
    return database.transaction(async (tx) => {
      const count = await resubscribe(tx, destinations)
      if (count > 0)
        await auditCommand(tx, 'notifier', { ...auditedChannel('resubscribe', id), after: { destinations } })
      return count
    })
  })
  if (resubscribed === 0) throw new UsageError(`Channel ${text} is not unsubscribed.`)
  printResult({ resubscribed }, `channel ${text} gets e-mails again`, json)
}

async function unparkChannels(
  text: string | undefined,
  { all = false, json = false }: Output & { all?: boolean },
): Promise<void> {
  if ((text === undefined) !== all) throw new UsageError('Give the id of a channel, or --all.')
  const unparked = await withDatabase(async (database) => {
    const parked =
      text === undefined
        ? await findParkedIds(database)
        : await findDestinationIds(database, requireId(text, channelRemedy))
    return unparkAll(database, parked, text === undefined ? 'channels' : `channel:${text}`)
  })
  if (unparked === 0 && !all) throw new UsageError(`Channel ${text} is not parked.`)
  printResult({ unparked }, `${unparked} unparked`, json)
}

function parseDestination(type: string, destination: string): string {
  const kind = channelKinds[type]
  if (!kind) throw new UsageError(`There is no channel type ${type}: give ${either(types)}.`)
  try {
    return kind.parse(destination)
  } catch (error) {
    throw new UsageError(`--destination ${JSON.stringify(destination)} ${(error as Error).message}.`)
  }
}

function parseSecret(type: string, secretId: string | undefined): string | null {
  const kind = channelKinds[type]
  if (secretId === undefined && kind?.needsSecret)
    throw new UsageError(
      `A channel of type ${type} needs --secret-id, the name of the secret with ${kind.help.secret}.`,
    )
  if (secretId === undefined) return null
  if (!kind?.hasSecrets) throw new UsageError(`A channel of type ${type} takes no secret: omit --secret-id.`)
  if (isSecretName(secretId)) return secretId
  throw new UsageError(
    `--secret-id is the name of a secret, not the secret itself: letters, digits, ".", "_" and "-". The variable of a secret called slack-bot is ${secretVariable('slack-bot')}.`,
  )
}
