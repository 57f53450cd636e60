import { randomUUID } from 'node:crypto'
import type { Command } from 'commander'
import { z } from 'zod'
import { findPerson, requireText, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows, UsageError } from '#runtime/commands/commands.ts'
import { sql } from '#runtime/postgres/database.ts'
import { lockTable, utcNow } from '#runtime/postgres/public-tables.ts'
import { allChannelSubscriptions } from '../people/channel-rows.ts'

type Output = { json?: boolean }
type Fields = { name?: string; authId?: string; admin?: boolean }

const personRow = z.object({
  id: z.number(),
  name: z.string(),
  role: z.string(),
  auth_id: z.string(),
  channels: z.number(),
  companies: z.number(),
})
const idRow = z.object({ id: z.number() })

export function build(group: Command): void {
  group.command('ls').description('list people').option('--json', 'print JSON').action(list)
  group
    .command('add')
    .description('add a person')
    .requiredOption('--name <name>', 'what they are called')
    .option('--auth-id <id>', 'their id in the sign-in service; made up when not given')
    .option('--admin', 'they also hear of operational events')
    .option('--if-missing', 'leave it at that when there is one of this name or auth id')
    .option('--json', 'print JSON')
    .action(add)
  group
    .command('edit')
    .description('change a person')
    .argument('<person>', 'id or name')
    .option('--name <name>', 'what they are called')
    .option('--auth-id <id>', 'their id in the sign-in service')
    .option('--admin', 'they also hear of operational events')
    .option('--no-admin', 'they do not')
    .option('--json', 'print JSON')
    .action(edit)
  group
    .command('rm')
    .description('remove a person and all that was set for them')
    .argument('<person>', 'id or name')
    .option('--json', 'print JSON')
    .action(remove)
}

async function list({ json = false }: Output): Promise<void> {
  const people = await withDatabase((database) =>
    database.any(sql.type(personRow)`
      SELECT id, name, role::text, auth_id,
        (SELECT count(*) FROM ${allChannelSubscriptions} s WHERE s.user_id = u.id)::int AS channels,
        (SELECT count(*) FROM public.company_subscription WHERE user_id = u.id)::int AS companies
      FROM public."user" u ORDER BY id`),
  )
  printRows(people, json)
}

async function add({
  name: given,
  authId,
  admin = false,
  ifMissing = false,
  json = false,
}: Fields & Output & { ifMissing?: boolean }): Promise<void> {
  const name = requireText(given ?? '', '--name')
  const result = await withDatabase((database) =>
    database.transaction(async (tx) => {
      await lockTable(tx, 'user')
      const known = await tx.any(sql.type(idRow)`
        SELECT id FROM public."user"
        WHERE ${authId === undefined ? sql.fragment`name = ${name}` : sql.fragment`auth_id = ${authId}`} ORDER BY id`)
      const [first] = known
      if (first && ifMissing) return { id: first.id, added: false }
      if (first)
        throw new UsageError(
          `There is already person ${first.id} with this ${authId === undefined ? 'name' : 'auth id'}: use --if-missing or \`parma people edit ${first.id}\`.`,
        )
      const { id } = await tx.one(sql.type(idRow)`
        INSERT INTO public."user" (auth_id, name, role, modified_at)
        VALUES (${authId ?? `parma-${randomUUID()}`}, ${name}, ${admin ? 'ADMIN' : 'USER'}::public.role, ${utcNow})
        RETURNING id`)
      return { id, added: true }
    }),
  )
  printResult(result, result.added ? `added person ${result.id}` : `person ${result.id} is there already`, json)
}

async function edit(person: string, { name, authId, admin, json = false }: Fields & Output): Promise<void> {
  if (name === undefined && authId === undefined && admin === undefined)
    throw new UsageError('Nothing to change: give --name, --auth-id, --admin or --no-admin.')
  const id = await withDatabase(async (database) => {
    const id = await findPerson(database, person)
    const role = admin === undefined ? null : admin ? 'ADMIN' : 'USER'
    await database.transaction(async (tx) => {
      await lockTable(tx, 'user')
      const taken =
        authId &&
        (await tx.maybeOne(sql.type(idRow)`SELECT id FROM public."user" WHERE auth_id = ${authId} AND id <> ${id}`))
      if (taken) throw new UsageError(`Person ${taken.id} has this auth id already: each has their own.`)
      await tx.query(sql.unsafe`
        UPDATE public."user" SET name = coalesce(${name === undefined ? null : requireText(name, '--name')}, name),
          auth_id = coalesce(${authId ?? null}, auth_id), role = coalesce(${role}::public.role, role), modified_at = ${utcNow}
        WHERE id = ${id}`)
    })
    return id
  })
  printResult({ id }, `changed person ${id}`, json)
}

async function remove(person: string, { json = false }: Output): Promise<void> {
  const id = await withDatabase(async (database) => {
    const id = await findPerson(database, person)
    const owned = await database.oneFirst(sql.type(z.object({ count: z.number() }))`
      SELECT count(*)::int AS count FROM public.company_attachment WHERE user_id = ${id}`)
    if (owned > 0)
      throw new UsageError(`Person ${id} has ${owned} attachments of companies: remove those in parma-web first.`)
    await database.query(sql.unsafe`DELETE FROM public."user" WHERE id = ${id}`)
    await database.query(sql.unsafe`
      WITH s AS (DELETE FROM notifier.subscription WHERE user_id = ${id}),
        m AS (DELETE FROM notifier.mute WHERE user_id = ${id}),
        q AS (DELETE FROM notifier.quiet_hours WHERE user_id = ${id}),
        d AS (DELETE FROM notifier.digest_policy WHERE user_id = ${id})
      DELETE FROM notifier.channel_subscription WHERE user_id = ${id}`)
    return id
  })
  printResult({ id }, `removed person ${id}`, json)
}
