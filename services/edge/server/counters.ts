import type { ClientRateLimitInfo, Store } from 'express-rate-limit'

/**
 * Counts hits per key, in windows that begin with the first hit of a key. Unlike the library's own store it holds at
 * most `maxKeys`, and drops those whose window began first.
 */
export function createCounters(windowMs: number, maxKeys: number, now: () => number = Date.now): Store {
  // All windows have the same length, and a new one is added at the end: the first in the map ends first.
  const windows = new Map<string, { totalHits: number; resetTime: Date }>()

  function current(key: string): ClientRateLimitInfo | undefined {
    const window = windows.get(key)
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
      windows.delete(key)
      const [oldest] = windows.keys()
      if (windows.size >= maxKeys && oldest !== undefined) windows.delete(oldest)
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
