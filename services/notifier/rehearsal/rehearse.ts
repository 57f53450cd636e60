import { createAlertLimit } from '../plan/alert-limit.ts'
import type { Bundle } from '../plan/decide-when.ts'
import { decideWhen } from '../plan/decide-when.ts'
import { operations, type BundleItem } from '../plan/bundles.ts'
import { chooseRecipients, type NewsItem } from '../plan/choose-recipients.ts'
import { createCoolDown } from '../people/cool-down.ts'
import { type DueItem, groupIntoMessages, type PlannedMessage } from '../plan/group-messages.ts'
import type { Preferences } from '../plan/preferences.ts'
import type { Follower, RecipientChannel } from '../people/recipients.ts'

export type RehearsedNews = NewsItem & { observed_at: number; silent: boolean }

/** Who follows what now, and how messages are planned. */
export type Audience = {
  followers: readonly Follower[]
  preferences: Preferences
  importance: number
  /** People with a limit of alerts a day, with their time zones. */
  limited: readonly { id: number; zone: string }[]
  alertsPerDay: number
  destinationId(channel: RecipientChannel): number
  coolDownMs: number
  windowMs: number
}

/** `at`: ms since 1970. */
export type RehearsedMessage = PlannedMessage & { at: number }

export type Rehearsal = {
  messages: RehearsedMessage[]
  /** News items that nobody gets, by the reason. */
  withoutRecipient: Record<string, number>
  /** News items that are kept back at a destination, by the reason. */
  keptBack: Record<string, number>
}

type Place = { destinationId: number; companyId: number; bundle: Bundle; items: BundleItem[] }

/** All bundles by destination and company, and those with items. */
type Bundles = { byPlace: Map<string, Place>; waiting: Set<Place> }

/**
 * The messages that these news items would have become, if each payload had come in its time and people had followed
 * what they follow now. Time is that of the news items. Pure.
 */
export function rehearse(news: readonly RehearsedNews[], audience: Audience): Rehearsal {
  const rehearsal: Rehearsal = { messages: [], withoutRecipient: {}, keptBack: {} }
  const bundles: Bundles = { byPlace: new Map(), waiting: new Set() }
  let now = -Infinity
  const coolDown = createCoolDown(audience.coolDownMs, () => now)
  const limit = createAlertLimit(audience.limited, audience.alertsPerDay, () => now)
  const byCompany = Map.groupBy(audience.followers, ({ company_id }) => company_id)
  function send(until: number): void {
    sendDue(bundles, until, (messages, at) => {
      now = at
      limit.send(
        messages.map(({ itemIds, companyIds, to }) => {
          const people = to.flatMap(({ recipients }) => recipients.map(({ id }) => id))
          return { id: itemIds.join(), companyIds, people: [...new Set(people)] }
        }),
      )
      rehearsal.messages.push(...messages.map((one) => ({ at, ...one })))
    })
  }
  for (const group of inOrder(news)) {
    const at = group[0]!.observed_at
    send(at)
    now = at
    const { items, withoutRecipient } = chooseRecipients(group, {
      ...{ ...audience, coolDown, now, limit },
      followers: [...new Set(group.map(({ company_id }) => company_id))].flatMap((id) => byCompany.get(id) ?? []),
    })
    for (const [, why] of withoutRecipient) add(rehearsal.withoutRecipient, why)
    for (const item of items) {
      if (item.keptBack !== null) add(rehearsal.keptBack, item.keptBack)
      else addToBundle(bundles, item)
    }
  }
  send(Infinity)
  return rehearsal
}

/** The news items that are not silent, payload by payload, by time. */
function inOrder(news: readonly RehearsedNews[]): RehearsedNews[][] {
  const groups = Map.groupBy(
    news.filter(({ silent }) => !silent),
    ({ group_id }) => group_id,
  )
  return [...groups.values()].sort((a, b) => a[0]!.observed_at - b[0]!.observed_at)
}

function addToBundle({ byPlace, waiting }: Bundles, item: BundleItem): void {
  const { companyId, destinationId } = item
  const key = `${destinationId}/${companyId}`
  const empty: Bundle = { dueAt: null, isHeld: false, lastMessageAt: null }
  const place = byPlace.get(key) ?? { companyId, destinationId, bundle: empty, items: [] }
  place.bundle = decideWhen(place.bundle, item.opensAt(place.bundle), item.quietUntil)
  place.items.push(item)
  byPlace.set(key, place)
  waiting.add(place)
}

/** Makes messages of what is due until `until`, and empties its bundles. */
function sendDue(
  { waiting }: Bundles,
  until: number,
  make: (messages: readonly PlannedMessage[], at: number) => void,
): void {
  for (;;) {
    const at = [...waiting].reduce((least, { bundle }) => Math.min(least, bundle.dueAt!), Infinity)
    if (waiting.size === 0 || at > until) return
    const due = [...waiting].filter(({ bundle }) => bundle.dueAt! <= at)
    make(groupIntoMessages(due.flatMap(dueItemsOf), operations), at)
    for (const place of due) {
      place.bundle = { dueAt: null, isHeld: false, lastMessageAt: at }
      place.items = []
      waiting.delete(place)
    }
  }
}

function dueItemsOf({ destinationId, companyId, bundle, items }: Place): DueItem[] {
  return items.map(({ itemId, recipients }) => ({
    ...{ item_id: itemId, destination_id: destinationId, company_id: companyId },
    ...{ is_held: bundle.isHeld, people: recipients },
  }))
}

function add(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1
}
