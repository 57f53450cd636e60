import type { ClientRateLimitInfo, Store } from 'express-rate-limit'

/**
 * Counts hits per key, in windows that begin with the first hit of a key. Holds `maxKeys` at most, unlike the library's
 * own store: of more, those whose window began first are forgotten.
 */
export function createCounters(windowMs: number, maxKeys: number, now: () => number = Date.now): Store {
  // Windows are of one length and go to the end when they begin: the first in the map is the first to end.
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
