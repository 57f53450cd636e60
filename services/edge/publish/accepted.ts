/** What the edge knows of a payload it has accepted. */
export type Accepted = { data_source_id: number; company_id: string; received_at: number }

export type AcceptedEvents = {
  add(eventId: string, accepted: Accepted): void
  find(eventId: string): Accepted | null
}

const maxRemembered = 10_000

/**
 * Remembers the payloads that this process accepted last, so that the Location of a 201 leads somewhere before any other
 * service has seen the event. After that the views of the others know.
 */
export function createAcceptedEvents(): AcceptedEvents {
  const events = new Map<string, Accepted>()
  return {
    add(eventId, accepted) {
      const [oldest] = events.keys()
      if (events.size >= maxRemembered && oldest !== undefined) events.delete(oldest)
      // The same payload sent again was accepted when it came first.
      if (!events.has(eventId)) events.set(eventId, accepted)
    },
    find: (eventId) => events.get(eventId) ?? null,
  }
}
