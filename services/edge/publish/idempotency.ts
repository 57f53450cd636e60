import { LRUCache } from 'lru-cache'

const maxRemembered = 10_000

/** Whether this process remembers the event with other content. If not, it remembers it with this one. */
export type IsReused = (eventId: string, contentHash: string) => boolean

/**
 * Remembers the content hashes of events whose id comes from an Idempotency-Key. This only finds mistakes early: every
 * consumer compares the hashes too, and decides.
 */
export function createKeyCheck(): IsReused {
  const contents = new LRUCache<string, string>({ max: maxRemembered })
  return (eventId, contentHash) => {
    const known = contents.get(eventId)
    contents.set(eventId, known ?? contentHash)
    return known !== undefined && known !== contentHash
  }
}
