import { column } from './column.ts'
import { sql, type Transaction } from './database.ts'

/**
 * Inserts columns of `records` into a table, given as [schema, name], in one statement. `columns` names them with their
 * Postgres types; `ms` is a timestamptz that the records hold as ms since 1970.
 */
export async function insertRecords<N extends string>(
  tx: Pick<Transaction, 'query'>,
  table: readonly [string, string],
  columns: Readonly<Record<N, string>>,
  records: readonly Readonly<Record<NoInfer<N>, string | number | boolean | null>>[],
): Promise<void> {
  if (records.length === 0) return
  const typed = Object.entries(columns) as [N, string][]
  const comma = sql.fragment`, `
  const names = sql.join(
    typed.map(([name]) => sql.identifier([name])),
    comma,
  )
  const arrays = typed.map(([name, type]) => column(records, type === 'ms' ? 'float8' : type, (one) => one[name]))
  const values = typed.map(([name, type]) => {
    const value = sql.identifier(['r', name])
    return type === 'ms' ? sql.fragment`to_timestamp(${value} / 1000)` : sql.fragment`${value}`
  })
  await tx.query(sql.unsafe`
    INSERT INTO ${sql.identifier([...table])} (${names})
    SELECT ${sql.join(values, comma)} FROM unnest(${sql.join(arrays, comma)}) AS r (${names})`)
}
