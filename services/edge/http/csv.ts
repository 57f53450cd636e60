/** What a cell of a file may hold. */
export type Cell = string | number | boolean | null

/**
 * A text that may be a number as a cell: where a number writes the same it is one, so that a negative one is not taken
 * for a formula.
 */
export function asCell(text: string | null): Cell {
  const number = Number(text)
  return Number.isFinite(number) && String(number) === text ? number : text
}

/** The types of CSV files, as `Content-Type`. */
export const csvType = 'text/csv; charset=utf-8'

/**
 * Rows as CSV (RFC 4180), with the names in the first line. A text that a spreadsheet would take for a formula gets a
 * `'` in front; numbers stay numbers. Nothing is an empty cell.
 */
export function writeCsv<N extends string>(names: readonly N[], rows: readonly Readonly<Record<N, Cell>>[]): string {
  const lines = [names, ...rows.map((row) => names.map((name) => row[name]))]
  return lines.map((line) => `${line.map(writeCell).join(',')}\r\n`).join('')
}

/** Also behind blanks and control characters, which spreadsheets skip, and in their full width. */
const formula = /^[\s\u0000-\u001f]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/

function writeCell(cell: Cell | undefined): string {
  if (typeof cell !== 'string') return String(cell ?? '')
  const safe = formula.test(cell) ? `'${cell}` : cell
  return /[",\r\n\t]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe
}
