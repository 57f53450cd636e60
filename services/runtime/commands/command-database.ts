import { userInfo } from 'node:os'
import { z } from 'zod'
import { UsageError } from './commands.ts'
import { requireText } from './read-typed.ts'
import { readEnv } from '../process/config.ts'
import { type PostgresSettings, postgresSettings } from '../process/settings.ts'
import { type Database, openPool, sql } from '../postgres/database.ts'

/** Of a command, for which nobody else waits: it may delete what a source or company has gathered in years. */
const patience = { statementMs: 10 * 60_000, lockMs: 60_000 }

/** The same as openPool, with more time for statements and locks. */
export function openCommandPool(settings: PostgresSettings): Promise<Database> {
  return openPool({
    ...settings,
    DATABASE_QUERY_TIMEOUT_MS: Math.max(settings.DATABASE_QUERY_TIMEOUT_MS, patience.statementMs),
    DATABASE_LOCK_TIMEOUT_MS: Math.max(settings.DATABASE_LOCK_TIMEOUT_MS, patience.lockMs),
  })
}

/** Runs one command with a connection pool, which is closed afterwards. */
export async function withDatabase<T>(work: (database: Database) => Promise<T>): Promise<T> {
  const database = await openCommandPool(readEnv(postgresSettings))
  try {
    return await work(database)
  } finally {
    await database.end()
  }
}

type Connection = Pick<Database, 'any'>

/** Id of the source with this id or exact name. A UsageError when there is none, or several of this name. */
export function findSource(connection: Connection, text: string): Promise<number> {
  return findOne(
    connection,
    { table: 'data_source', name: 'source_name', noun: 'source', remedy: listOf('sources') },
    text,
  )
}

/** The same for a company. */
export function findCompany(connection: Connection, text: string): Promise<number> {
  return findOne(connection, { table: 'company', name: 'name', noun: 'company', remedy: listOf('companies') }, text)
}

/** The same for a person. */
export function findPerson(connection: Connection, text: string): Promise<number> {
  return findOne(connection, { table: 'user', name: 'name', noun: 'person', remedy: listOf('people') }, text)
}

/** The same for a bucket and its title. */
export function findBucket(connection: Connection, text: string): Promise<number> {
  return findOne(connection, { table: 'bucket', name: 'title', noun: 'bucket', remedy: 'Give its id or title.' }, text)
}

const listOf = (command: string) => `\`parma ${command} ls\` shows which there are.`

/** A table of parma-web, the column with the name, the noun for a row, and the hint when there is none. */
type Named = { table: string; name: string; noun: string; remedy: string }

const foundRow = z.object({ id: z.number(), is_id: z.boolean() })

async function findOne(connection: Connection, { table, name, noun, remedy }: Named, text: string): Promise<number> {
  const rows = await connection.any(sql.type(foundRow)`
    SELECT id, id::text = ${text} AS is_id FROM ${sql.identifier(['public', table])}
    WHERE id::text = ${text} OR ${sql.identifier([name])} = ${text} ORDER BY id`)
  const one = rows.find(({ is_id }) => is_id) ?? rows[0]
  if (!one) throw new UsageError(`There is no ${noun} ${JSON.stringify(text)}. ${remedy}`)
  if (!one.is_id && rows.length > 1)
    throw new UsageError(
      `${rows.length} are called ${JSON.stringify(text)}: give one of the ids ${rows.map(({ id }) => id).join(', ')}.`,
    )
  return one.id
}

/** Who runs a command: the name given with --by, else the user of this machine. */
export function nameOfCaller(by: string | undefined): string {
  if (by !== undefined) return requireText(by, '--by')
  try {
    return userInfo().username
  } catch {
    // A user id without a name, as in containers.
    throw new UsageError('The user of this machine has no name: give yours with --by.')
  }
}

/** A timestamptz as commands print it in JSON, to the second: 2026-03-10T12:00:00Z. */
export function isoTime(time: ReturnType<typeof sql.fragment>) {
  return sql.fragment`to_char(${time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`
}
