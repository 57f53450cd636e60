import type { ClientRateLimitInfo, Store } from 'express-rate-limit'
import { LRUCache } from 'lru-cache'

/**
 * Counts hits per key, in windows that begin with the first hit of a key. Unlike the library's own store it holds at
 * most `maxKeys`, and drops those whose window began first.
 */
export function createCounters(windowMs: number, maxKeys: number, now: () => number = Date.now): Store {
  // Windows have one length and are only peeked at: the least recently set is the first to end.
  const windows = new LRUCache<string, { totalHits: number; resetTime: Date }>({ max: maxKeys })

  function current(key: string): ClientRateLimitInfo | undefined {
    const window = windows.peek(key)
    return window && window.resetTime.getTime() > now() ? window : undefined
  }

  return {
    localKeys: true,
    get: current,
    increment(key) {
      const window = current(key)
      if (window) {
        window.totalHits++
        return window
      }
      const begun = { totalHits: 1, resetTime: new Date(now() + windowMs) }
      windows.set(key, begun)
      return begun
    },
    decrement(key) {
      const window = current(key)
      if (window) window.totalHits--
    },
    resetKey: (key) => void windows.delete(key),
  }
}
