import { column } from '#runtime/postgres/column.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'

/** Creates partitions of `normalizer.value` before they are needed. */
type Months = {
  /**
   * After it, values of the times `observed`, and of the months of `received` and three months ahead, can be stored. In
   * ms.
   */
  ensure(observed: readonly number[], received: readonly number[]): Promise<void>
  /** Makes the next call ask the database again: somebody may have detached a partition. */
  forget(): void
}

const monthsAhead = 3

export function createMonths(database: Database): Months {
  const known = new Set<number>()
  return {
    async ensure(observed, received) {
      const wanted = new Set(observed.map((ms) => monthOf(ms)))
      for (const month of new Set(received.map((ms) => monthOf(ms)))) {
        for (let ahead = 0; ahead <= monthsAhead; ahead++) wanted.add(month + ahead)
      }
      const missing = [...wanted].filter((month) => !known.has(month)).sort((a, b) => a - b)
      if (missing.length === 0) return
      await database.query(sql.unsafe`
        SELECT normalizer.create_month(to_timestamp(seconds))
        FROM unnest(${column(missing, 'float8', (month) => Date.UTC(0, month) / 1000)}) AS n (seconds)`)
      for (const month of missing) known.add(month)
    },
    forget: () => known.clear(),
  }
}

/** Months since January 1900, UTC. */
function monthOf(ms: number): number {
  const date = new Date(ms)
  return (date.getUTCFullYear() - 1900) * 12 + date.getUTCMonth()
}
