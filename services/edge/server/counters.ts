import type { ClientRateLimitInfo, Store } from 'express-rate-limit'
import { LRUCache } from 'lru-cache'

type Window = { totalHits: number; endsAt: number }

/**
 * Counts hits per key, in windows that begin with the first hit of a key. Unlike the library's own store it holds at
 * most `maxKeys`, and drops those whose window began first. A clock that is set changes nothing.
 */
export function createCounters(windowMs: number, maxKeys: number, now: () => number = () => performance.now()): Store {
  // Windows have one length and are only peeked at: the least recently set is the first to end.
  const windows = new LRUCache<string, Window>({ max: maxKeys })

  function open(key: string): Window | undefined {
    const window = windows.peek(key)
    return window && window.endsAt > now() ? window : undefined
  }

  function describe({ totalHits, endsAt }: Window): ClientRateLimitInfo {
    return { totalHits, resetTime: new Date(Date.now() + endsAt - now()) }
  }

  function current(key: string): ClientRateLimitInfo | undefined {
    const window = open(key)
    return window && describe(window)
  }

  return {
    localKeys: true,
    get: current,
    increment(key) {
      const window = open(key) ?? { totalHits: 0, endsAt: now() + windowMs }
      if (window.totalHits === 0) windows.set(key, window)
      window.totalHits++
      return describe(window)
    },
    decrement(key) {
      const window = open(key)
      if (window) window.totalHits--
    },
    resetKey: (key) => void windows.delete(key),
  }
}
