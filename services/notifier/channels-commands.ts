import type { Command } from 'commander'
import { z } from 'zod'
import { requireId, withDatabase } from '#runtime/command-database.ts'
import { printResult, printRows, UsageError } from '#runtime/commands.ts'
import { sql } from '#runtime/postgres.ts'
import { lockTable, utcNow } from '#runtime/public-tables.ts'
import { channelKinds } from './channels.ts'
import { secretVariable } from './config.ts'

type Output = { json?: boolean }

const types = Object.keys(channelKinds)
const channelRow = z.object({
  id: z.number(),
  type: z.string(),
  destination: z.string(),
  secret_id: z.string().nullable(),
  people: z.array(z.string()),
})
const idRow = z.object({ id: z.number() })
const remedy = '`parma channels ls` shows the ids.'

export function build(group: Command): void {
  group.command('ls').description('list channels and who hears there').option('--json', 'print JSON').action(list)
  group
    .command('add')
    .description('add a channel; `parma subscriptions add` says who hears there')
    .requiredOption('--type <type>', types.join(' or '))
    .requiredOption('--destination <destination>', 'e-mail address, or name or id of a Slack channel')
    .option('--secret-id <name>', 'name of the secret that holds the bot token; default: the notifier’s SLACK_TOKEN')
    .option('--if-missing', 'leave it at that when there is such a channel')
    .option('--json', 'print JSON')
    .action(add)
  group
    .command('edit')
    .description('change a channel')
    .argument('<id>', 'id of the channel')
    .option('--destination <destination>', 'e-mail address, or name or id of a Slack channel')
    .option('--secret-id <name>', 'name of the secret that holds the bot token; empty for none')
    .option('--json', 'print JSON')
    .action(edit)
  group
    .command('rm')
    .description('remove a channel')
    .argument('<id>', 'id of the channel')
    .option('--json', 'print JSON')
    .action(remove)
}

async function list({ json = false }: Output): Promise<void> {
  const channels = await withDatabase((database) =>
    database.any(sql.type(channelRow)`
      SELECT c.id, c.channel_type::text AS type, c.destination, c.secret_id,
        ARRAY(
          SELECT u.name FROM public.notification_subscription s JOIN public."user" u ON u.id = s.user_id
          WHERE s.channel_id = c.id ORDER BY u.name
        ) AS people
      FROM public.notification_channel c ORDER BY c.id`),
  )
  printRows(channels, json)
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
        SELECT min(id) AS id FROM public.notification_channel
        WHERE channel_type::text = ${type} AND destination = ${destination} AND secret_id IS NOT DISTINCT FROM ${secret}
        HAVING count(*) > 0`)
      if (known && ifMissing) return { id: known.id, added: false }
      if (known) throw new UsageError(`That is channel ${known.id} already: use it, or --if-missing.`)
      const { id } = await tx.one(sql.type(idRow)`
        INSERT INTO public.notification_channel (channel_type, destination, secret_id, modified_at)
        VALUES (${type}::public.channel_type, ${destination}, ${secret}, ${utcNow}) RETURNING id`)
      return { id, added: true }
    }),
  )
  printResult(result, result.added ? `added channel ${result.id}` : `channel ${result.id} is there already`, json)
}

async function edit(
  text: string,
  { destination, secretId, json = false }: Output & { destination?: string; secretId?: string },
): Promise<void> {
  if (destination === undefined && secretId === undefined)
    throw new UsageError('Nothing to change: give --destination or --secret-id.')
  const id = requireId(text, remedy)
  await withDatabase(async (database) => {
    const channel = await database.maybeOne(sql.type(
      channelRow.pick({ type: true, destination: true, secret_id: true }),
    )`
      SELECT channel_type::text AS type, destination, secret_id FROM public.notification_channel WHERE id = ${id}`)
    if (!channel) throw new UsageError(`There is no channel ${id}. ${remedy}`)
    const next = {
      destination: destination === undefined ? channel.destination : parseDestination(channel.type, destination),
      secret: secretId === undefined ? channel.secret_id : parseSecret(channel.type, secretId || undefined),
    }
    await database.query(sql.unsafe`
      UPDATE public.notification_channel SET destination = ${next.destination}, secret_id = ${next.secret}, modified_at = ${utcNow}
      WHERE id = ${id}`)
  })
  printResult({ id }, `changed channel ${id}`, json)
}

async function remove(text: string, { json = false }: Output): Promise<void> {
  const id = requireId(text, remedy)
  const { rowCount } = await withDatabase((database) =>
    database.query(sql.unsafe`DELETE FROM public.notification_channel WHERE id = ${id}`),
  )
  if (rowCount === 0) throw new UsageError(`There is no channel ${id}. ${remedy}`)
  printResult({ id }, `removed channel ${id}`, json)
}

function parseDestination(type: string, destination: string): string {
  const kind = channelKinds[type]
  if (!kind) throw new UsageError(`There is no channel type ${type}: give ${types.join(' or ')}.`)
  try {
    return kind.parse(destination)
  } catch (error) {
    throw new UsageError(`--destination ${JSON.stringify(destination)} ${(error as Error).message}.`)
  }
}

function parseSecret(type: string, secretId: string | undefined): string | null {
  if (secretId === undefined) return null
  if (!channelKinds[type]?.hasSecrets)
    throw new UsageError(`A channel of type ${type} needs no secret: leave --secret-id out.`)
  if (/^\w[\w.-]{0,199}$/.test(secretId)) return secretId
  throw new UsageError(
    `--secret-id is the name of a secret, not the secret: letters, digits, ".", "_" and "-". A secret called slack-bot is read from ${secretVariable('slack-bot')}.`,
  )
}
