import { type Database, sql, type Transaction } from './database.ts'

/**
 * What `work` returns in a transaction that is rolled back: it shows what writing would do, and nothing stays. Its locks
 * hold up others until it ends, and numbers that it takes from sequences are used up.
 */
export function withoutEffect<T>(
  database: Pick<Database, 'transaction'>,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  return database.transaction(async (tx) => {
    const result = await work(tx)
    // To throw would cost more than the work: slonik copies all that an error holds for its log, and opens a new connection.
    await tx.query(sql.unsafe`ROLLBACK AND CHAIN`)
    return result
  })
}
