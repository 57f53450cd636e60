import { z } from 'zod'
import { UsageError } from '#runtime/commands.ts'
import { postgresSettings, readEnv } from '#runtime/config.ts'
import { type Database, openPool, sql } from '#runtime/postgres.ts'

/** Runs one command on a database of its own, which is closed after it. */
export async function withDatabase<T>(work: (database: Database) => Promise<T>): Promise<T> {
  const database = await openPool(readEnv(postgresSettings))
  try {
    return await work(database)
  } finally {
    await database.end()
  }
}

const found = z.object({ id: z.number(), is_id: z.boolean() })
type Connection = Pick<Database, 'any'>

/** Id of the source with this id or exact name. */
export async function findSource(connection: Connection, text: string): Promise<number> {
  const rows = await connection.any(sql.type(found)`
    SELECT id, id::text = ${text} AS is_id FROM public.data_source WHERE id::text = ${text} OR source_name = ${text} ORDER BY id`)
  return pickOne(rows, 'source', text, 'parma sources ls')
}

/** Id of the company with this id or exact name. */
export async function findCompany(connection: Connection, text: string): Promise<number> {
  const rows = await connection.any(sql.type(found)`
    SELECT id, id::text = ${text} AS is_id FROM public.company WHERE id::text = ${text} OR name = ${text} ORDER BY id`)
  return pickOne(rows, 'company', text, 'parma companies ls')
}

function pickOne(rows: readonly z.output<typeof found>[], noun: string, text: string, list: string): number {
  const one = rows.find(({ is_id }) => is_id) ?? rows[0]
  if (!one) throw new UsageError(`There is no ${noun} ${JSON.stringify(text)}. \`${list}\` shows which there are.`)
  if (!one.is_id && rows.length > 1)
    throw new UsageError(
      `${rows.length} are called ${JSON.stringify(text)}: give one of the ids ${rows.map(({ id }) => id).join(', ')}.`,
    )
  return one.id
}

/** A name for a new row, with the blanks around it taken off. */
export function requireText(text: string, option: string): string {
  const trimmed = text.trim()
  if (trimmed === '' || trimmed.includes('\0')) throw new UsageError(`${option} is empty: give a text.`)
  return trimmed
}

export function requireCount(text: string, option: string): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) < 1)
    throw new UsageError(`${option} is ${JSON.stringify(text)}: give a whole number above 0.`)
  return Number(text)
}
