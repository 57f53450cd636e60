import { type Cache, createCache } from '#runtime/calls/cache.ts'
import { classify } from '#runtime/calls/retry.ts'
import { boundBy } from './deadline.ts'
import { unavailable } from './http-error.ts'

export type CacheOptions = {
  /** How long a value serves without another read. */
  keepMs: number
  /** How long a read may take. */
  timeoutMs: number
  maxEntries?: number
  /** Whether an old value serves while Postgres does not answer, however old it is. */
  servesStale?: boolean
}

/**
 * A cache of rows of Postgres, which also serves while Postgres is down. Rejects with an HttpError with 503 if it holds
 * nothing. null is not kept. A value that is not `isSettled` is read again each time, and kept for an outage only.
 */
export function createDatabaseCache<V>(
  { keepMs, timeoutMs, maxEntries = 10_000, servesStale = true }: CacheOptions,
  isSettled: (value: V) => boolean = () => true,
): Cache<V | null> {
  const bounded = boundBy(timeoutMs)
  const lifeMs = (value: V | null) => (value === null ? null : isSettled(value) ? keepMs : 0)
  const cache = createCache<V | null>({ maxEntries, lifeMs, ...(servesStale && { staleMs: keepMs }) })
  return {
    get: (key, load) => cache.get(key, () => bounded(load())).catch(unavailableIfTransient),
    refresh: (key, load) => cache.refresh(key, () => bounded(load())).catch(unavailableIfTransient),
  }
}

function unavailableIfTransient(error: unknown): never {
  throw classify(error) === 'transient' ? unavailable('The database is not available.', error) : error
}
