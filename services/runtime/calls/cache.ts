import { LRUCache } from 'lru-cache'
import { classify } from './retry.ts'

export type CacheOptions<V> = {
  /** Of more, the least recently used are dropped. */
  maxEntries: number
  /**
   * For how long after it was loaded a value is good. 0: it is loaded again each time, and serves only while it is
   * stale. null: it is not kept, nor what was known before it.
   */
  lifeMs(value: V): number | null
  /**
   * For how long a value that is no longer good serves on after a transient error of its `load`; else the error is
   * thrown.
   */
  staleMs?: number
}

export type Cache<V> = {
  /**
   * The value known for `key`, else what `load` resolves to: one load for all who ask at the same time. Errors are not
   * kept.
   */
  get(key: string, load: () => Promise<V>): Promise<V>
  /** What `load` resolves to now, whatever is known or being loaded. */
  refresh(key: string, load: () => Promise<V>): Promise<V>
}

export function createCache<V>({ maxEntries, lifeMs, staleMs }: CacheOptions<V>): Cache<V> {
  const known = new LRUCache<string, { value: V; goodUntil: number }>({ max: maxEntries })
  const loading = new Map<string, Promise<V>>()

  async function refresh(key: string, load: () => Promise<V>): Promise<V> {
    const value = await load()
    const life = lifeMs(value)
    if (life === null) known.delete(key)
    else known.set(key, { value, goodUntil: performance.now() + life })
    return value
  }

  function loadOnce(key: string, load: () => Promise<V>): Promise<V> {
    let underWay = loading.get(key)
    if (!underWay) {
      underWay = refresh(key, load).finally(() => loading.delete(key))
      loading.set(key, underWay)
    }
    return underWay
  }

  return {
    refresh,
    async get(key, load) {
      const found = known.get(key)
      if (found && performance.now() < found.goodUntil) return found.value
      try {
        return await loadOnce(key, load)
      } catch (error) {
        if (!found || staleMs === undefined || classify(error) !== 'transient') throw error
        found.goodUntil = performance.now() + staleMs
        return found.value
      }
    },
  }
}
