import { type Command, Option } from 'commander'
import { z } from 'zod'
import { withDatabase, isoTime } from '#runtime/commands/command-database.ts'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { roles } from '#runtime/changes/roles.ts'
import { printResult, printRows, UsageError } from '#runtime/commands/commands.ts'
import { confirm } from '#runtime/commands/confirm.ts'
import { requireFuture, requireText } from '#runtime/commands/read-typed.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { makeApiKey } from '../access/api-key.ts'

type Output = { json?: boolean }

export function build(group: Command): void {
  group
    .command('create')
    .description('create a key of the operator API; it is shown once and not stored')
    .requiredOption('--name <name>', 'who or what uses the key')
    .addOption(new Option('--role <role>', 'what the key may do').choices(roles).makeOptionMandatory())
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

type NewKey = Output & { name: string; role: string; expires?: string }

const idRow = z.object({ key_id: z.number() })

async function create({ name: given, role, expires, json = false }: NewKey): Promise<void> {
  const name = requireText(given, '--name')
  const expires_at =
    expires === undefined ? null : new Date(requireFuture(expires, '--expires', Date.now())).toISOString()
  const { key, hash, hint } = makeApiKey()
  const id = await withDatabase((database) =>
    database.transaction(async (tx) => {
      const id = await tx.maybeOneFirst(sql.type(idRow)`
        INSERT INTO edge.api_key (hash, hint, name, role, expires_at)
        VALUES (${sql.binary(hash)}, ${hint}, ${name}, ${role}, ${expires_at})
        ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING
        RETURNING key_id`)
      if (id !== null) await auditKey(tx, 'create', id, { before: null, after: { name, role, expires_at } })
      return id
    }),
  )
  if (id === null)
    throw new UsageError(`A key called ${JSON.stringify(name)} already exists. Revoke it or choose another name.`)
  printResult({ id, name, role, expires_at, key }, key, json)
}

const keyRow = z.object({
  id: z.number(),
  name: z.string(),
  role: z.string(),
  key: z.string(),
  state: z.string(),
  created_at: z.string(),
  last_used_at: z.string().nullable(),
  expires_at: z.string().nullable(),
  revoked_at: z.string().nullable(),
})

async function list({ json = false }: Output): Promise<void> {
  const rows = await withDatabase((database) =>
    database.any(sql.type(keyRow)`
      SELECT key_id AS id, name, role, hint || '…' AS key,
        CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired' ELSE 'good' END
          AS state,
        ${iso('created_at')}, ${iso('last_used_at')}, ${iso('expires_at')}, ${iso('revoked_at')}
      FROM edge.api_key ORDER BY key_id`),
  )
  printRows(rows, json, ['created_at', 'last_used_at', 'expires_at', 'revoked_at'])
}

function iso(column: string) {
  const name = sql.identifier([column])
  return sql.fragment`${isoTime(sql.fragment`${name}`)} AS ${name}`
}

async function revoke(key: string, { yes, json = false }: Output & { yes?: boolean }): Promise<void> {
  const id = await withDatabase(async (database) => {
    const id = await findKey(database, key)
    await confirm(yes, `This revokes key ${id} for good. Programs that use it are answered with 401.`)
    await database.transaction(async (tx) => {
      await tx.query(sql.unsafe`UPDATE edge.api_key SET revoked_at = now() WHERE key_id = ${id}`)
      await auditKey(tx, 'revoke', id, { before: { key: id }, after: null })
    })
    return id
  })
  printResult({ id }, `revoked key ${id}`, json)
}

function auditKey(
  tx: Transaction,
  verb: 'create' | 'revoke',
  id: number,
  { before, after }: { before: object | null; after: object | null },
): Promise<void> {
  return auditCommand(tx, 'edge', { kind: `edge.key.${verb}`, subject: `key:${id}`, before, after })
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
