import { classify } from '#runtime/process/retry.ts'
import { boundBy } from './deadline.ts'
import { unavailable } from './http-error.ts'

export type CacheOptions = {
  /** How long what was read is not read again. */
  keepMs: number
  /** How long a reading may take. */
  timeoutMs: number
  /** The oldest is forgotten when there are more. */
  maxEntries?: number
  /** Whether what was known serves on when it cannot be read again. */
  servesStale?: boolean
}

export type Cache<V> = {
  /**
   * What is known of `key`, else what `load` reads. When `load` fails for a while, what was known before serves on,
   * however old, unless `servesStale` is false; an HttpError with 503 when nothing does. null is not kept.
   */
  get(key: string, load: () => Promise<V | null>): Promise<V | null>
  /** What `load` reads now; an HttpError with 503 when it fails for a while. */
  refresh(key: string, load: () => Promise<V | null>): Promise<V | null>
}

/** Remembers what is read from Postgres, so that answers go on while Postgres is away. `isSettled`: it may be kept at all. */
export function createCache<V>(
  { keepMs, timeoutMs, maxEntries = 10_000, servesStale = true }: CacheOptions,
  isSettled: (value: V) => boolean = () => true,
): Cache<V> {
  const bounded = boundBy(timeoutMs)
  const known = new Map<string, { value: V; goodUntil: number }>()
  const loading = new Map<string, Promise<V | null>>()

  async function read(key: string, load: () => Promise<V | null>): Promise<V | null> {
    const value = await bounded(load())
    known.delete(key)
    const [oldest] = known.keys()
    if (known.size >= maxEntries && oldest !== undefined) known.delete(oldest)
    if (value !== null) known.set(key, { value, goodUntil: isSettled(value) ? Date.now() + keepMs : 0 })
    return value
  }

  /** Once for all who ask at the same time. */
  function readOnce(key: string, load: () => Promise<V | null>): Promise<V | null> {
    let reading = loading.get(key)
    if (!reading) {
      reading = read(key, load).finally(() => loading.delete(key))
      loading.set(key, reading)
    }
    return reading
  }

  return {
    refresh: (key, load) => read(key, load).catch(unavailableIfTransient),
    async get(key, load) {
      const found = known.get(key)
      if (found && Date.now() < found.goodUntil) return found.value
      try {
        return await readOnce(key, load)
      } catch (error) {
        if (!found || !servesStale || classify(error) !== 'transient') return unavailableIfTransient(error)
        found.goodUntil = Date.now() + keepMs
        return found.value
      }
    },
  }
}

function unavailableIfTransient(error: unknown): never {
  throw classify(error) === 'transient' ? unavailable('the database is not available', error) : error
}
