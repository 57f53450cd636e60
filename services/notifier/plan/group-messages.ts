import { joinPeople, type Person } from '../people/destinations.ts'

/** An item that is due at a destination. */
export type Waiting = {
  item_id: string
  destination_id: number
  company_id: number
  is_held: boolean
  people: readonly Person[]
}

/** What makes one message: the same items for all its destinations. `itemIds` are in order. */
export type Sorted = {
  companyIds: number[]
  itemIds: string[]
  to: { destinationId: number; people: Person[] }[]
}

/**
 * What is due, as the messages it becomes: at each destination one for a company, and one for all that was held there
 * through quiet hours. Destinations that are told the same share a message.
 */
export function sortIntoLetters(waiting: readonly Waiting[], operations: number): Sorted[] {
  const bundles = Map.groupBy(waiting, ({ destination_id, company_id, is_held }) =>
    [destination_id, is_held && company_id !== operations ? 'held' : company_id].join('/'),
  )
  const letters = new Map<string, Sorted>()
  for (const items of bundles.values()) {
    const itemIds = items.map(({ item_id }) => item_id).sort()
    const key = itemIds.join()
    const letter = letters.get(key) ?? { companyIds: [...new Set(items.map((one) => one.company_id))], itemIds, to: [] }
    letters.set(key, letter)
    letter.to.push({
      destinationId: items[0]?.destination_id ?? 0,
      people: joinPeople(items.flatMap(({ people }) => people)),
    })
  }
  return [...letters.values()]
}
