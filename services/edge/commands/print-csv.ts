import { printText } from '#runtime/commands/commands.ts'
import { type Cell, writeCsv } from '../http/csv.ts'

/** Prints a CSV file. Characters that could move the cursor are written as in JSON, as in all that commands print. */
export function printCsv<N extends string>(names: readonly N[], rows: readonly Readonly<Record<N, Cell>>[]): void {
  printText(writeCsv(names, rows).replaceAll('\r\n', '\n').trimEnd())
}
