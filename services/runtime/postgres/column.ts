import { sql } from './database.ts'

type Element = string | number | boolean | null

/**
 * What `value` gives of each row, as an array for `unnest` and `ANY`, written as Postgres writes arrays
 * (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO). A large one costs a quarter of `sql.array`, for
 * which slonik looks at every element and node-postgres escapes it.
 */
export function column<T>(rows: readonly T[], type: string, value: (row: T, index: number) => Element) {
  return sql.fragment`${arrayText(rows, value)}::${sql.identifier([type])}[]`
}

/** `column` for several columns of the same rows. */
export function columnsOf<T>(rows: readonly T[]) {
  return (type: string, value: (row: T, index: number) => Element) => column(rows, type, value)
}

/** The text of a Postgres array. */
export function arrayText<T>(rows: readonly T[], value: (row: T, index: number) => Element): string {
  const elements = rows.map((row, index) => {
    const element = value(row, index)
    return element === null ? 'NULL' : typeof element === 'string' ? quote(element) : String(element)
  })
  return `{${elements.join(',')}}`
}

function quote(text: string): string {
  const plain = text.includes('"') || text.includes('\\') ? text.replaceAll(/["\\]/g, '\\$&') : text
  return `"${plain}"`
}
