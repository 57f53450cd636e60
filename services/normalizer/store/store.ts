import type { Database } from '#runtime/postgres/database.ts'
import { hasCode, TransientError } from '#runtime/calls/retry.ts'
import type { Config } from '../config.ts'
import type { Work } from '../ledger/work.ts'
import { createListKeyCache } from '../series/list-keys.ts'
import { SeriesCache } from '../series/series-cache.ts'
import { createMonths } from './months.ts'
import { writeBatch } from './write-batch.ts'
import type { Written } from './written.ts'

/** Writes a batch in one transaction. Each payload takes effect once, and every delivery gets the same answer. */
export type Store = (batch: readonly Work[]) => Promise<Written[]>

/**
 * foreign_key_violation: a company or a source vanished; check_violation: also "no partition of relation found for
 * row"; unique_violation: an event_id came for two companies at once.
 */
export const overtaken = ['23503', '23514', '23505']

/** Series whose ids are remembered, so that most batches look none up. */
const seriesCacheSize = 200_000

/** Rows of `normalizer.list_key` that are remembered. */
const listCacheSize = 50_000

export function openStore(config: Config, database: Database, wakeOutbox: () => void): Store {
  const months = createMonths(database)
  const series = new SeriesCache(seriesCacheSize)
  const lists = createListKeyCache(listCacheSize)

  return async (batch) => {
    const payloads = batch.map(({ payload }) => payload)
    await months.ensure(
      batch.flatMap(({ payload, result }) => ('reason' in result ? [] : (payload.observed_at ?? []))),
      payloads.map(({ received_at }) => received_at),
    )
    try {
      const {
        written,
        added,
        lists: learnt,
        hasReports,
      } = await database.transaction((tx) => writeBatch(config, tx, batch, { series, lists }))
      if (hasReports) wakeOutbox()
      series.keep(added)
      for (const [key, rows] of learnt.entries()) lists.set(key, rows)
      return written
    } catch (error) {
      if (!hasCode(error, ...overtaken)) throw error
      months.forget()
      series.forget()
      throw new TransientError('a company, source, series or partition changed while values were written', {
        cause: error,
      })
    }
  }
}
