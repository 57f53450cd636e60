import { type Command, Option } from 'commander'
import { z } from 'zod'
import { commandActor } from '#runtime/changes/command-actor.ts'
import { type Role, roles } from '#runtime/changes/roles.ts'
import { findSource, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows, UsageError } from '#runtime/commands/commands.ts'
import { confirm } from '#runtime/commands/confirm.ts'
import { requireFuture, requireText } from '#runtime/commands/read-typed.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { createKey, readKeys, revokeKey } from './store.ts'

type Output = { json?: boolean }

export function build(group: Command): void {
  group
    .command('create')
    .description('create a key of the operator API; it is shown once and not stored')
    .requiredOption('--name <name>', 'who or what uses the key')
    .addOption(new Option('--role <role>', 'what the key may do').choices(roles))
    .addOption(
      new Option(
        '--source <source>',
        'a source (id or name) of which it may send payloads, and do nothing else',
      ).conflicts('role'),
    )
    .option('--expires <when>', 'when the key expires: an ISO 8601 time, or a time from now such as 12h or 90d')
    .option('--json', 'print JSON')
    .action(create)
  group.command('ls').description('list keys').option('--json', 'print JSON').action(list)
  group
    .command('revoke')
    .description('revoke a key for good; the edge may accept it for some more seconds (API_KEY_CACHE_MS)')
    .argument('<key>', 'id or name')
    .option('--yes', 'revoke without asking')
    .option('--json', 'print JSON')
    .action(revoke)
}

type NewKey = Output & { name: string; role?: Role; source?: string; expires?: string }

async function create({ name: given, role, source, expires, json = false }: NewKey): Promise<void> {
  const name = requireText(given, '--name')
  const expiresAt = expires === undefined ? null : requireFuture(expires, '--expires', Date.now())
  const sourceId = source === undefined ? null : await withDatabase((database) => findSource(database, source))
  const may = sourceId !== null ? { source: sourceId } : role !== undefined ? { role } : null
  if (may === null) throw new UsageError('Say what the key may do: --role, or --source for one that sends payloads.')
  const { id, key } = await write((tx) => createKey(tx, { name, ...may, expiresAt }, commandActor()))
  const expires_at = expiresAt === null ? null : new Date(expiresAt).toISOString()
  printResult({ id, name, role: role ?? null, source_id: sourceId, expires_at, key }, key, json)
}

const write = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
  withDatabase((database) => database.transaction(work))

const isoOf = (at: number | null) => (at === null ? null : new Date(at).toISOString())

async function list({ json = false }: Output): Promise<void> {
  const keys = await withDatabase((database) => readKeys(database))
  const rows = keys
    .toSorted((a, b) => a.id - b.id)
    .map(({ id, name, role, source, hint, state, created_at, last_used_at, expires_at, revoked_at }) => ({
      ...{ id, name, role: source === null ? role : null, source, key: `${hint}…`, state },
      ...{ created_at: isoOf(created_at), last_used_at: isoOf(last_used_at) },
      ...{ expires_at: isoOf(expires_at), revoked_at: isoOf(revoked_at) },
    }))
  printRows(rows, json, ['created_at', 'last_used_at', 'expires_at', 'revoked_at'])
}

async function revoke(key: string, { yes, json = false }: Output & { yes?: boolean }): Promise<void> {
  const id = await withDatabase((database) => findKey(database, key))
  await confirm(yes, `This revokes key ${id} for good. Programs that use it are answered with 401.`)
  await write((tx) => revokeKey(tx, id, commandActor()))
  printResult({ id }, `revoked key ${id}`, json)
}

const foundKey = z.object({ key_id: z.number(), revoked: z.boolean() })

/** The key with this id, else the one of this name that is not revoked. */
async function findKey(database: Database, text: string): Promise<number> {
  const found = await database.any(sql.type(foundKey)`
    SELECT key_id, revoked_at IS NOT NULL AS revoked FROM edge.api_key
    WHERE key_id::text = ${text} OR name = ${text}
    ORDER BY key_id::text = ${text} DESC, revoked_at IS NOT NULL`)
  const [key] = found
  if (!key) throw new UsageError(`Key ${JSON.stringify(text)} does not exist. \`parma keys ls\` lists all keys.`)
  if (key.revoked) throw new UsageError(`Key ${key.key_id} is already revoked.`)
  return key.key_id
}
