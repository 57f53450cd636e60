import { mergeRecipients, type Recipient } from '../people/destinations.ts'

/** A news item or operational event that is due at a destination. */
export type DueItem = {
  item_id: string
  destination_id: number
  company_id: number
  is_held: boolean
  people: readonly Recipient[]
  /** The earlier delivery there that it belongs to; null: there is none. */
  follows?: number | null
  /** The channel edits that one instead of sending another. */
  isEdit?: boolean
}

/** The content of one message, the same for all its destinations. `itemIds` are sorted. */
export type PlannedMessage = {
  companyIds: number[]
  itemIds: string[]
  /** Quiet hours held it. */
  isHeld: boolean
  to: { destinationId: number; recipients: Recipient[]; follows?: number | null }[]
}

/**
 * Groups what is due into messages: at each destination one for each company, one for everything that quiet hours held,
 * and one for each message that is edited. Destinations that get the same items share a message.
 */
export function groupIntoMessages(due: readonly DueItem[], operations: number): PlannedMessage[] {
  const bundles = Map.groupBy(due, ({ destination_id, company_id, is_held, follows, isEdit }) =>
    [destination_id, is_held && company_id !== operations ? 'held' : company_id, isEdit ? follows : ''].join('/'),
  )
  const messages = new Map<string, PlannedMessage>()
  for (const items of bundles.values()) {
    const itemIds = items.map(({ item_id }) => item_id).sort()
    const key = itemIds.join()
    const message = messages.get(key) ?? {
      companyIds: [...new Set(items.map((one) => one.company_id))],
      itemIds,
      isHeld: items.some(({ is_held }) => is_held),
      to: [],
    }
    messages.set(key, message)
    message.to.push({
      destinationId: items[0]?.destination_id ?? 0,
      recipients: mergeRecipients(items.flatMap(({ people }) => people)),
      follows: items.every(({ follows }) => follows === items[0]?.follows) ? (items[0]?.follows ?? null) : null,
    })
  }
  return [...messages.values()]
}
