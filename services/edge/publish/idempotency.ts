import { LRUCache } from 'lru-cache'
import { invalidValue } from '../http/validation.ts'

const maxRemembered = 10_000

/** Throws an HttpError if this process remembers the event with other content. */
export type CheckKey = (eventId: string, contentHash: string, key: string) => void

/**
 * Remembers the content hashes of events whose id comes from an Idempotency-Key. This only finds mistakes early: every
 * consumer compares the hashes too, and decides.
 */
export function createKeyCheck(): CheckKey {
  const contents = new LRUCache<string, string>({ max: maxRemembered })
  return (eventId, contentHash, key) => {
    const known = contents.get(eventId)
    if (known !== undefined && known !== contentHash)
      throw invalidValue(['header', 'idempotency-key'], 'this key was already used with another body', key)
    contents.set(eventId, contentHash)
  }
}
