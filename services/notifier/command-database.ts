import { z } from 'zod'
import { UsageError } from '#runtime/commands.ts'
import { postgresSettings, readEnv } from '#runtime/config.ts'
import { type Database, openPool, sql, type Transaction } from '#runtime/postgres.ts'

/** Now, as parma-web's tables want it: timestamp(3) without zone, UTC. */
export const utcNow = sql.fragment`(now() AT TIME ZONE 'UTC')`

/** Runs one command on a database of its own, which is closed after it. */
export async function withDatabase<T>(work: (database: Database) => Promise<T>): Promise<T> {
  const database = await openPool(readEnv(postgresSettings))
  try {
    return await work(database)
  } finally {
    await database.end()
  }
}

/**
 * Runs `work` alone among all that make rows of the table: almost nothing is unique in parma-web's tables, so two that
 * look and then insert would both insert.
 */
export function withTableLock<T>(database: Database, table: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return database.transaction(async (tx) => {
    await tx.query(sql.unsafe`SELECT pg_advisory_xact_lock(hashtext(${`public.${table}`}))`)
    return work(tx)
  })
}

/** Id of the person with this id or exact name. */
export function findPerson(database: Pick<Database, 'any'>, person: string): Promise<number> {
  return findOne(database, 'user', person, 'parma people ls')
}

/** Id of the company with this id or exact name. */
export function findCompany(database: Pick<Database, 'any'>, company: string): Promise<number> {
  return findOne(database, 'company', company, 'parma companies ls')
}

/** A row id typed by a person. */
export function parseId(text: string, remedy: string): number {
  const id = Number(text)
  if (/^\d+$/.test(text) && id <= 2 ** 31 - 1) return id
  throw new UsageError(`${JSON.stringify(text)} is not an id. ${remedy}`)
}

const row = z.object({ id: z.number(), is_id: z.boolean() })

async function findOne(database: Pick<Database, 'any'>, table: string, text: string, list: string): Promise<number> {
  const found = await database.any(sql.type(row)`
    SELECT id, id::text = ${text} AS is_id FROM ${sql.identifier(['public', table])}
    WHERE id::text = ${text} OR name = ${text} ORDER BY id`)
  const [first] = found.filter(({ is_id }) => is_id).concat(found)
  const noun = table === 'user' ? 'person' : 'company'
  if (!first) throw new UsageError(`There is no ${noun} ${JSON.stringify(text)}. \`${list}\` shows who there is.`)
  if (!first.is_id && found.length > 1)
    throw new UsageError(
      `${found.length} are called ${JSON.stringify(text)}: give one of the ids ${found.map(({ id }) => id).join(', ')}.`,
    )
  return first.id
}
