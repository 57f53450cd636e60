import { LRUCache } from 'lru-cache'

/** What the edge knows of a payload it has accepted. */
type Accepted = { data_source_id: number; company_id: string; received_at: number }

export type AcceptedEvents = {
  add(eventId: string, accepted: Accepted): void
  find(eventId: string): Accepted | null
}

const maxRemembered = 10_000

/**
 * Remembers the payloads that this process accepted last, so that the Location of a 201 works before another service
 * has seen the event. Later the views of the other services know it.
 */
export function createAcceptedEvents(): AcceptedEvents {
  const events = new LRUCache<string, Accepted>({ max: maxRemembered })
  return {
    add(eventId, accepted) {
      // A payload that is sent again keeps the time of its first acceptance.
      if (!events.has(eventId)) events.set(eventId, accepted)
    },
    find: (eventId) => events.peek(eventId) ?? null,
  }
}
