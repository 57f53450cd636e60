import { mergeRecipients, type Recipient } from '../people/destinations.ts'

/** A news item or operational event that is due at a destination. */
export type DueItem = {
  item_id: string
  destination_id: number
  company_id: number
  is_held: boolean
  people: readonly Recipient[]
}

/** The content of one message, the same for all its destinations. `itemIds` are sorted. */
export type PlannedMessage = {
  companyIds: number[]
  itemIds: string[]
  to: { destinationId: number; recipients: Recipient[] }[]
}

/**
 * Groups what is due into messages: at each destination one for each company, and one for everything that quiet hours
 * held. Destinations that get the same items share a message.
 */
export function groupIntoMessages(due: readonly DueItem[], operations: number): PlannedMessage[] {
  const bundles = Map.groupBy(due, ({ destination_id, company_id, is_held }) =>
    [destination_id, is_held && company_id !== operations ? 'held' : company_id].join('/'),
  )
  const messages = new Map<string, PlannedMessage>()
  for (const items of bundles.values()) {
    const itemIds = items.map(({ item_id }) => item_id).sort()
    const key = itemIds.join()
    const message = messages.get(key) ?? {
      companyIds: [...new Set(items.map((one) => one.company_id))],
      itemIds,
      to: [],
    }
    messages.set(key, message)
    message.to.push({
      destinationId: items[0]?.destination_id ?? 0,
      recipients: mergeRecipients(items.flatMap(({ people }) => people)),
    })
  }
  return [...messages.values()]
}
