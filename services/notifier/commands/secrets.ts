import { buffer as readAll } from 'node:stream/consumers'
import type { Command } from 'commander'
import { z } from 'zod'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows, UsageError } from '#runtime/commands/commands.ts'
import { confirm, withYes } from '#runtime/commands/confirm.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { readEnv } from '#runtime/process/config.ts'
import { EncodingError, readText } from '#runtime/text/read-text.ts'
import { decryptSecret, encryptSecret, type SecretKeys } from '../secrets/encrypt-secret.ts'
import { isSecretName, readSecretKeys, secretSettings } from '../secrets/secrets.ts'
import { allChannels } from '../people/channel-rows.ts'

type Output = { json?: boolean }

const maxBytes = 64 * 1024
const secretRow = z.object({ name: z.string(), key_id: z.string(), modified_at: z.number() })
const encryptedRow = z.object({
  name: z.string(),
  key_id: z.string(),
  nonce: z.instanceof(Buffer),
  ciphertext: z.instanceof(Buffer),
})

export function build(group: Command): void {
  group
    .command('ls')
    .description('list the names of secrets in the database')
    .option('--json', 'print JSON')
    .action(list)
  group
    .command('set')
    .description('store a secret from standard input, encrypted under the first of SECRETS_KEYS')
    .argument('<name>', 'name that channels use')
    .option('--json', 'print JSON')
    .action(set)
  withYes(group.command('rm').description('remove a secret'))
    .argument('<name>', 'name of the secret')
    .option('--json', 'print JSON')
    .action(remove)
  group
    .command('rotate')
    .description('encrypt all secrets under the first of SECRETS_KEYS; the other keys can then be removed')
    .option('--json', 'print JSON')
    .action(rotate)
}

const audited = (verb: string, name: string) => ({ kind: `notifier.secret.${verb}`, subject: `secret:${name}` })

/** What the audit log has of a secret: nothing from which it could be read. */
function readSecretRow(tx: Transaction, name: string) {
  return tx.maybeOne(sql.type(secretRow)`SELECT name, key_id, modified_at FROM notifier.secret WHERE name = ${name}`)
}

async function list({ json = false }: Output): Promise<void> {
  const rows = await withDatabase((database) =>
    database.any(sql.type(secretRow)`SELECT name, key_id, modified_at FROM notifier.secret ORDER BY name`),
  )
  printRows(
    rows.map((row) => ({ ...row, modified_at: new Date(row.modified_at).toISOString() })),
    json,
    ['modified_at'],
  )
}

/** Wrong bytes would become replacement characters, so another secret would be stored. */
async function readInput(): Promise<string> {
  try {
    return readText(await readAll(process.stdin))
  } catch (error) {
    if (!(error instanceof EncodingError)) throw error
    throw new UsageError(`Standard input is ${error.message}. Pipe the secret in as UTF-8.`)
  }
}

async function set(name: string, { json = false }: Output): Promise<void> {
  if (!isSecretName(name))
    throw new UsageError(`${JSON.stringify(name)} is not a valid secret name: use letters, digits, ".", "_" and "-".`)
  const keys = requireKeys()
  const secret = (await readInput()).replace(/\r?\n$/, '')
  if (secret === '' || Buffer.byteLength(secret) > maxBytes)
    throw new UsageError(`Standard input is empty or longer than ${maxBytes} bytes: pipe the secret in.`)
  const { key_id, nonce, ciphertext } = encryptSecret(keys, name, secret)
  await withDatabase((database) =>
    database.transaction(async (tx) => {
      const before = await readSecretRow(tx, name)
      await tx.query(sql.unsafe`
        INSERT INTO notifier.secret (name, key_id, nonce, ciphertext)
        VALUES (${name}, ${key_id}, ${sql.binary(nonce)}, ${sql.binary(ciphertext)})
        ON CONFLICT (name) DO UPDATE SET key_id = excluded.key_id, nonce = excluded.nonce,
          ciphertext = excluded.ciphertext, modified_at = now()`)
      await auditCommand(tx, 'notifier', { ...audited('set', name), before, after: await readSecretRow(tx, name) })
    }),
  )
  printResult({ name, key_id }, `stored the secret ${name} under the key ${key_id}`, json)
}

async function remove(name: string, { yes, json = false }: Output & { yes?: boolean }): Promise<void> {
  await withDatabase(async (database) => {
    if (!(await database.exists(sql.unsafe`SELECT FROM notifier.secret WHERE name = ${name}`)))
      throw new UsageError(`There is no secret ${JSON.stringify(name)}. \`parma secrets ls\` lists them.`)
    const channels = await database.anyFirst(sql.type(z.object({ channel_id: z.number() }))`
      SELECT channel_id FROM ${allChannels} c WHERE secret_id = ${name} ORDER BY channel_id`)
    const users = channels.length === 0 ? 'No channel uses it.' : `Channels that use it: ${channels.join(', ')}.`
    await confirm(yes, `This removes the secret ${name} for good. ${users}`)
    await database.transaction(async (tx) => {
      const before = await readSecretRow(tx, name)
      await tx.query(sql.unsafe`DELETE FROM notifier.secret WHERE name = ${name}`)
      await auditCommand(tx, 'notifier', { ...audited('remove', name), before })
    })
  })
  printResult({ name }, `removed the secret ${name}`, json)
}

async function rotate({ json = false }: Output): Promise<void> {
  const keys = requireKeys()
  const [current = ''] = keys.keys()
  const rotated = await withDatabase((database) =>
    database.transaction(async (tx) => {
      const rows = await tx.any(sql.type(encryptedRow)`
        SELECT name, key_id, nonce, ciphertext FROM notifier.secret WHERE key_id <> ${current} ORDER BY name FOR UPDATE`)
      for (const row of rows) {
        const { key_id, nonce, ciphertext } = encryptSecret(keys, row.name, read(keys, row))
        await tx.query(sql.unsafe`
          UPDATE notifier.secret SET key_id = ${key_id}, nonce = ${sql.binary(nonce)}, ciphertext = ${sql.binary(ciphertext)}
          WHERE name = ${row.name}`)
        const [before, after] = [row.key_id, key_id].map((id) => ({ name: row.name, key_id: id }))
        await auditCommand(tx, 'notifier', { ...audited('rotate', row.name), before, after })
      }
      return rows.length
    }),
  )
  printResult({ rotated, key_id: current }, `encrypted ${rotated} secrets under the key ${current}`, json)
}

function read(keys: SecretKeys, row: z.output<typeof encryptedRow>): string {
  try {
    return decryptSecret(keys, row.name, row)
  } catch (error) {
    throw new UsageError(`Nothing was changed: ${(error as Error).message}.`)
  }
}

function requireKeys(): SecretKeys {
  const keys = readSecretKeys(readEnv(secretSettings))
  if (!keys) throw new UsageError('SECRETS_KEYS is not set: use the keys that the notifier has.')
  return keys
}
