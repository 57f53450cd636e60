import type { Database, Transaction } from './database.ts'

class RolledBack<T> extends Error {
  readonly result: T
  constructor(result: T) {
    super('rolled back, as asked')
    this.result = result
  }
}

/**
 * What `work` returns in a transaction that is rolled back: it shows what writing would do, and nothing stays. Its locks
 * hold up others until it ends, and numbers that it takes from sequences are used up.
 */
export async function withoutEffect<T>(
  database: Pick<Database, 'transaction'>,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  try {
    return await database.transaction(async (tx): Promise<never> => {
      throw new RolledBack(await work(tx))
    })
  } catch (error) {
    if (error instanceof RolledBack) return (error as RolledBack<T>).result
    throw error
  }
}
