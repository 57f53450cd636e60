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

/** What JSON may escape in another way than Postgres: control characters, and halves of surrogate pairs. */
const unlikeJson = /[^ -\ud7ff\ue000-\uffff]/

function quote(text: string): string {
  if (!text.includes('"') && !text.includes('\\')) return `"${text}"`
  // Otherwise it escapes as Postgres does, and faster than anything else.
  return unlikeJson.test(text) ? `"${text.replaceAll(/["\\]/g, '\\$&')}"` : JSON.stringify(text)
}
