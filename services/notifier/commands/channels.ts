import type { Command } from 'commander'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows, UsageError } from '#runtime/commands/commands.ts'
import { confirm, withYes } from '#runtime/commands/confirm.ts'
import { requireId } from '#runtime/commands/read-typed.ts'
import { sql } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import { channelKinds } from '../channels/kinds.ts'
import { resubscribe } from '../people/unsubscribe.ts'
import { isOwnChannel } from '../people/channel-rows.ts'
import { channelTypes, ensureChannel, parseDestination, parseSecret } from '../operate/channel.ts'
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

const either = (texts: readonly string[]) => new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(texts)
const destinations = either(Object.values(channelKinds).map(({ help }) => help.destination))
const secrets = Object.entries(channelKinds).flatMap(([type, { help }]) =>
  help.secret ? [`${type}: ${help.secret}`] : [],
)

export function build(group: Command): void {
  group
    .command('ls')
    .description('list channels with their recipients and state')
    .option('--json', 'print JSON')
    .action(list)
  group
    .command('add')
    .description('add a channel; `parma subscriptions add` adds its recipients')
    .requiredOption('--type <type>', channelTypes)
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
  const destination = parseDestination(type, text, '--destination')
  const secret = parseSecret(type, secretId, '--secret-id')
  const { id, isNew } = await withDatabase((database) =>
    database.transaction(async (tx) => {
      const found = await ensureChannel(tx, { type, destination, secret })
      if (!found.isNew && !ifMissing) throw new UsageError(`Channel ${found.id} is the same: use it, or --if-missing.`)
      if (found.isNew)
        await auditCommand(tx, 'notifier', {
          ...auditedChannel('add', found.id),
          after: await readChannelRow(tx, found.id),
        })
      return found
    }),
  )
  printResult({ id, added: isNew }, isNew ? `added channel ${id}` : `channel ${id} already exists`, json)
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
      destination:
        destination === undefined ? channel.destination : parseDestination(channel.type, destination, '--destination'),
      secret:
        secretId === undefined ? channel.secret_id : parseSecret(channel.type, secretId || undefined, '--secret-id'),
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
