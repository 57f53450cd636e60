import { sql } from './database.ts'

type Element = string | number | boolean | null

/**
 * The array of `value` of each row, as Postgres writes arrays
 * (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO). For hot paths: that every element is looked at by slonik
 * and escaped by node-postgres takes four times as long, more than all else about a large insert.
 */
export function sqlArray<T>(type: string, rows: readonly T[], value: (row: T) => Element) {
  return sql.fragment`${arrayText(rows, value)}::${sql.identifier([type])}[]`
}

/** The text of a Postgres array. */
export function arrayText<T>(rows: readonly T[], value: (row: T) => Element): string {
  const elements = rows.map((row) => {
    const element = value(row)
    return element === null ? 'NULL' : typeof element === 'string' ? quote(element) : String(element)
  })
  return `{${elements.join(',')}}`
}

function quote(text: string): string {
  const plain = text.includes('"') || text.includes('\\') ? text.replaceAll(/["\\]/g, '\\$&') : text
  return `"${plain}"`
}
