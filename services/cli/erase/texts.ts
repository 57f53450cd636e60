import { z } from 'zod'
import { statement } from '#runtime/commands/statement.ts'
import { type Mark } from '#runtime/erase/recognise.ts'
import { redact, redactJson, redactText } from '#runtime/erase/redact.ts'
import type { Transaction } from '#runtime/postgres/database.ts'
import { owners } from '#schemas/public-tables.ts'
import { storedTables } from '#schemas/stored-tables.ts'
import type { Found } from './rows.ts'

const page = 2000

/** What is compared by its hash everywhere, or is a key of its own. */
const untouched = ['edge.normalization_map', 'edge.map_draft', 'edge.api_key', 'notifier.secret']

type Column = { name: string; type: 'text' | 'jsonb' | 'text[]' | 'bytea' }
type Texts = { table: string; columns: Column[] }

const columnRow = z.object({ table: z.string(), name: z.string(), type: z.enum(['text', 'jsonb', 'text[]', 'bytea']) })

/** All columns with texts of our tables, and of those of parma-web that we write, as the database has them. */
async function findColumns(tx: Transaction): Promise<Texts[]> {
  const schemas = owners.map((owner) => `'${owner}'`).join(', ')
  const rows = await tx.any(
    statement(
      `SELECT n.nspname || '.' || c.relname AS "table", a.attname AS name, format_type(a.atttypid, NULL) AS type
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE (n.nspname IN (${schemas}) OR n.nspname || '.' || c.relname = ANY({shared}::text[]))
        AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'migration' AND a.attnum > 0
        AND NOT a.attisdropped AND a.attgenerated = '' AND format_type(a.atttypid, NULL) IN ('text', 'jsonb', 'text[]', 'bytea')
      ORDER BY 1, a.attnum`,
      { shared: `{${storedTables.map(({ name }) => name).filter((name) => name.startsWith('public.'))}}` },
      columnRow,
    ),
  )
  const byTable = Map.groupBy(rows, ({ table }) => table)
  return [...byTable].map(([table, columns]) => ({ table, columns })).filter(({ table }) => !untouched.includes(table))
}

/**
 * Takes a text out of all rows. `text`: where it is known, Postgres looks for it; without it each row is read. `isIn`
 * says of which tables.
 */
export async function eraseTextRows(
  tx: Transaction,
  mark: Mark,
  text: string | null,
  isIn: (table: string) => boolean = () => true,
): Promise<Found[]> {
  const found: Found[] = []
  for (const texts of await findColumns(tx)) {
    if (!isIn(texts.table)) continue
    const rows = await eraseInTable(tx, texts, mark, text)
    if (rows > 0) found.push({ where: texts.table, rows, what: 'text taken out' })
  }
  return found
}

const placeRow = z.object({ relation: z.string(), place: z.string(), given: z.array(z.unknown()) })

async function eraseInTable(
  tx: Transaction,
  { table, columns }: Texts,
  mark: Mark,
  text: string | null,
): Promise<number> {
  const given = columns.map(({ name, type }) =>
    type === 'bytea' ? `to_jsonb(encode(t."${name}", 'base64'))` : `to_jsonb(t."${name}")`,
  )
  await tx.query(
    statement(
      `DECLARE found NO SCROLL CURSOR FOR SELECT t.tableoid::bigint::text AS relation, t.ctid::text AS place,
        jsonb_build_array(${given.join(', ')}) AS given FROM ${table} t WHERE ${holds(columns, text)}`,
      text === null ? {} : { text, json: JSON.stringify(text).slice(1, -1) },
    ),
  )
  let count = 0
  for (;;) {
    const rows = await tx.any(statement(`FETCH ${page} FROM found`, {}, placeRow))
    for (const row of rows) if (await eraseInRow(tx, { table, columns }, row, mark)) count += 1
    if (rows.length < page) break
  }
  await tx.query(statement('CLOSE found'))
  return count
}

function holds(columns: readonly Column[], text: string | null): string {
  if (text === null) return 'true'
  const tests = columns.map(({ name, type }) => {
    if (type === 'bytea') return `position(convert_to({text}, 'UTF8') IN t."${name}") > 0`
    if (type === 'text') return `position({text} IN t."${name}") > 0`
    if (type === 'jsonb') return `position({json} IN t."${name}"::text) > 0`
    return `EXISTS (SELECT FROM unnest(t."${name}") one WHERE position({text} IN one) > 0)`
  })
  // JSON within a text, as raw samples are.
  return `(${tests.join(' OR ')})`
}

async function eraseInRow(tx: Transaction, { table, columns }: Texts, row: z.output<typeof placeRow>, mark: Mark) {
  const sets: string[] = []
  const values: Record<string, string | Buffer> = { relation: row.relation, place: row.place }
  for (const [index, { name, type }] of columns.entries()) {
    const before = row.given[index]
    if (before === null) continue
    const after = redactColumn(type, before, mark)
    if (after === null) continue
    sets.push(`"${name}" = {${`c${index}`}}::${type}`)
    values[`c${index}`] = after
  }
  if (sets.length === 0) return false
  const where = 't.tableoid = {relation}::bigint::oid AND t.ctid = {place}::tid'
  await tx.query(statement(`UPDATE ${table} t SET ${sets.join(', ')} WHERE ${where}`, values))
  return true
}

/** The column without the text, as Postgres takes it; null: it is not in it. */
function redactColumn(type: Column['type'], before: unknown, mark: Mark): string | null {
  if (type === 'text') {
    const text = before as string
    const after = redactText(redactJson(text, [mark]), [mark])
    return after === text ? null : after
  }
  if (type === 'bytea') {
    const bytes = Buffer.from(before as string, 'base64')
    const text = bytes.toString('latin1')
    const after = redactText(text, [mark])
    // A record that can no longer be decoded is worth nothing: all of it goes.
    return after === text && redactText(bytes.toString('utf8'), [mark]) === bytes.toString('utf8') ? null : '\\x'
  }
  const after = redact(before, [mark])
  if (after === before) return null
  return type === 'jsonb' ? JSON.stringify(after) : toArray(after as string[])
}

function toArray(texts: readonly (string | null)[]): string {
  return `{${texts.map((text) => (text === null ? 'NULL' : `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`)).join(',')}}`
}
