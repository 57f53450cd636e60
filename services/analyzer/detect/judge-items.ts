import { innermostList } from '#runtime/text/value-path.ts'
import type { ObservedValue } from '#schemas/generated/types.ts'
import type { Payload } from '../values/payload.ts'
import { isPositional, outerKeys } from './item-keys.ts'
import { findRenamed, followRenamed } from './renamed-items.ts'
import {
  belongsAfter,
  followAbsence,
  followTurnover,
  isBorn,
  isGain,
  isLoss,
  isSample,
  isUnlikely,
  losesItems,
  settledAfter,
  type Turnover,
} from './sampled-lists.ts'

/**
 * An item that was seen. `missing`: for how many payloads it has been missing, and when it was last seen, ms since
 * 1970. `wavers`: it was gone before and came back, so it is not news if it is gone again. `seen`: in how many payloads
 * since it appeared or came back; old stored states lack it. `absent`: in what share of the newest payloads it was missing,
 * if in any. `waits`: it is news when it is seen a second time.
 */
type KnownItem = {
  label: string
  missing?: { payloads: number; since: number }
  wavers?: true
  seen?: number
  absent?: number
  waits?: true
}

/** The measurement that the news items of a list belong to. */
export type Anchor = Pick<ObservedValue, 'source_measurement_id' | 'company_measurement_id' | 'measurement_name'>

/**
 * The items of a list by item_key. A list is the path of its items: `repos[]`. `anchor`: undefined while it never had
 * an item. `seenAt`: when the last payload with the list was observed. `empty`: the items around the list that hold an empty
 * one, by key. Old stored states lack the last three.
 */
type KnownList = {
  anchor: Anchor | undefined
  items: Record<string, KnownItem>
  seenAt?: number
  empty?: string[]
  turnover?: Turnover
}

/** How many empty lists are remembered of a list in an item. */
const maxEmptyLists = 500

/** The lists that a subject (company, source and subject_key) had last. Times in ms since 1970. */
export type SubjectState = {
  eventNo: number
  observedAt: number
  mapVersion: number
  lists: Record<string, KnownList>
}

/**
 * Items of a list that appeared or are gone together. `values`: those of the item, if it is a single one that appeared.
 */
export type ItemsFound = {
  kind: 'appeared' | 'gone'
  list: string
  items: { key: string; label: string }[]
  anchor: Anchor
  values: readonly ObservedValue[]
  /** When gone items were last seen, ms since 1970. */
  since: number | null
}

export type ItemPolicy = {
  /** An item is gone after this many payloads without it. */
  goneAfter: number
  /** More items of one list at once get one news item together. */
  maxItemNews: number
  /** How many gone items of a list are remembered. A forgotten one would appear as new. */
  maxGoneItems: number
  /** Items of a list that is a sample are told only with other evidence (see sampled-lists.ts). */
  knowsSamples?: boolean
}

type Item = { key: string; label: string; values: ObservedValue[] }

/**
 * Finds the items that appeared and those that are gone, by the state of the subject, and returns the new state. The
 * first payload of a subject, and the first with another map, only starts the state, and so do the first items of a list
 * that was never there. A list that is null or missing shows nothing, since the module may not have fetched it; an empty
 * one shows that its items are missing. Items known only by their position show nothing. Items inside an
 * item that appears or is gone belong to it. An item that only has another key now (findRenamed) is the same item.
 */
export function judgeItems(
  state: SubjectState | null,
  payload: Payload,
  policy: ItemPolicy,
): { state: SubjectState; found: ItemsFound[] } {
  const lists = listsOf(payload)
  const here = new Set([...lists.values()].flatMap((items) => [...items.keys()]))
  const empty = Map.groupBy(payload.empty_lists, ({ path }) => path)
  const known = state?.mapVersion === payload.map_version ? state : null
  const next: SubjectState['lists'] = { ...known?.lists }
  const found: ItemsFound[] = []
  const moved = new Set<string>()
  const renames = new Map<string, string>()
  // Outer lists first: their paths are shorter.
  for (const list of [...new Set([...lists.keys(), ...empty.keys()])].sort((a, b) => a.length - b.length)) {
    const items = lists.get(list) ?? new Map<string, Item>()
    const last = known?.lists[list]
    const before = followRenamed(last?.items ?? {}, renames)
    const renamed = findRenamed(before, items)
    for (const [key, old] of renamed) renames.set(key, old)
    const emptyNow = (empty.get(list) ?? []).map(({ outer_key }) => outer_key ?? '')
    const shown = new Set([...[...items.keys()].map(outerKey), ...emptyNow])
    // Those in a list that is null or missing in an item that is here.
    const isUnsaid = (key: string) => !shown.has(outerKey(key)) && here.has(outerKey(key))
    const unsaid = Object.entries(before).filter(([key]) => isUnsaid(key))
    const said = Object.fromEntries(Object.entries(before).filter(([key]) => !isUnsaid(key)))
    const lastSeenAt = last?.seenAt ?? known?.observedAt ?? payload.observed_at
    const turnover = policy.knowsSamples ? followItems(last?.turnover, said, items, renamed) : undefined
    const wasEmpty = last?.empty ?? []
    const wasThere = new Set([...Object.keys(before).map(outerKey), ...wasEmpty, ...(last ? [''] : [])])
    const isNews = (item: Item) => !turnover || isGain(turnover, item.values, payload.observed_at)
    const appeared = [...items.values()].filter(({ key }) => !Object.hasOwn(before, key) && !renamed.has(key))
    const gained = appeared.filter((item) => wasThere.has(outerKey(item.key)) && isNews(item))
    // In a list that loses items what appears may only pass by.
    const isDoubtful = turnover !== undefined && losesItems(last?.turnover)
    const waiting = gained.filter(({ values }) => isDoubtful && !isBorn(values, payload.observed_at))
    const again = [...items.values()].filter(
      (item) => Object.hasOwn(before, item.key) && before[item.key]!.waits && isNews(item),
    )
    const { kept, gone } = keep(said, items, renamed, lastSeenAt, policy, last === undefined, waiting)
    next[list] = {
      anchor: items.size > 0 ? pick(items.values().next().value!.values[0]!) : last?.anchor,
      items: { ...kept, ...Object.fromEntries(unsaid) },
      seenAt: payload.observed_at,
      empty: [...emptyNow, ...wasEmpty.filter((outer) => !shown.has(outer))].slice(0, maxEmptyLists),
      ...(turnover && { turnover }),
    }
    const isMissed = ({ key }: Item) => !turnover || isLoss(before[key]?.seen, isSample(turnover))
    const told = [...gained.filter((item) => !waiting.includes(item)), ...again].filter(isOutermost)
    const missed = gone.filter((item) => isOutermost(item) && isMissed(item))
    if (known) found.push(...report('appeared', list, told), ...report('gone', list, missed))
    for (const { key } of [...appeared, ...gone]) moved.add(key)
  }
  const { event_no: eventNo, observed_at: observedAt, map_version: mapVersion } = payload
  return { state: { eventNo, observedAt, mapVersion, lists: next }, found }

  function isOutermost({ key }: { key: string }): boolean {
    return !outerKeys(key).some((outer) => moved.has(outer))
  }

  function report(kind: ItemsFound['kind'], list: string, items: (Item & { since?: number })[]) {
    if (items.length === 0) return []
    const anchor = next[list]!.anchor!
    const make = (those: typeof items, values: readonly ObservedValue[]): ItemsFound => ({
      ...{ kind, list, values, since: those[0]!.since ?? null },
      items: those.map(({ key, label }) => ({ key, label })),
      anchor: values[0] ? pick(values[0]) : anchor,
    })
    if (items.length > policy.maxItemNews) return [make(items, [])]
    return items.map((item) => make([item], item.values))
  }
}

/** The key of the item that holds the list with this item; empty outside of lists. */
function outerKey(key: string): string {
  return outerKeys(key).at(-1) ?? ''
}

/** Lists by path, each with its items by key, in the order of the payload. */
function listsOf({ values }: Payload): Map<string, Map<string, Item>> {
  const lists = new Map<string, Map<string, Item>>()
  for (const value of values) {
    const { item_key: key, item_label: label, path } = value
    const list = key === null || isPositional(key) ? null : innermostList(path)
    if (key === null || list === null) continue
    const items = lists.get(list) ?? new Map<string, Item>()
    lists.set(list, items)
    const item = items.get(key)
    if (item) item.values.push(value)
    else items.set(key, { key, label: label ?? key, values: [value] })
  }
  return lists
}

/** The items of a list to remember, and those that are gone with this payload. */
function keep(
  before: KnownList['items'],
  items: ReadonlyMap<string, Item>,
  renamed: ReadonlyMap<string, string>,
  lastSeenAt: number,
  { goneAfter, maxGoneItems, knowsSamples }: ItemPolicy,
  isFirst: boolean,
  waiting: readonly Item[],
) {
  const gone: (Item & { since: number })[] = []
  const missing: [string, KnownItem][] = []
  const known = new Set(renamed.values())
  // Sorted, because a state that was stored comes back with its members in another order.
  const notHere = Object.entries(before).filter(([key]) => !items.has(key) && !known.has(key))
  for (const [key, item] of notHere.sort(([a], [b]) => (a < b ? -1 : 1))) {
    const payloads = Math.min((item.missing?.payloads ?? 0) + 1, goneAfter + 1)
    const since = item.missing?.since ?? lastSeenAt
    const { waits, ...rest } = item
    missing.push([key, { ...rest, ...(waits && payloads < goneAfter && { waits }), missing: { payloads, since } }])
    // An item that is often missing must be missing for longer.
    const isGone = (count: number) => count >= goneAfter && (!knowsSamples || isUnlikely(item.absent, count))
    const wasGone = payloads === item.missing?.payloads || isGone(payloads - 1)
    if (isGone(payloads) && !wasGone && !item.wavers) gone.push({ key, label: item.label, values: [], since })
  }
  const here = [...items.values()].map(({ key, label }): [string, KnownItem] => {
    const old = renamed.get(key) ?? key
    const was = Object.hasOwn(before, old) ? before[old] : undefined
    const isBack = was?.missing !== undefined && was.missing.payloads >= goneAfter
    const seen = knowsSamples ? countSeen(was, isBack, isFirst) : undefined
    const wavers = (was?.wavers ?? isBack) && !(seen !== undefined && seen >= belongsAfter)
    const absent = knowsSamples ? followAbsence(was?.absent, isBack ? 0 : (was?.missing?.payloads ?? 0)) : 0
    const waits = waiting.some((one) => one.key === key)
    return [
      key,
      {
        label,
        ...(wavers && { wavers }),
        ...(seen !== undefined && { seen }),
        ...(absent > 0 && { absent }),
        ...(waits && { waits }),
      },
    ]
  })
  const isLong = ([, { missing: absent }]: [string, KnownItem]) => absent!.payloads >= goneAfter
  // Items that have been gone the longest are forgotten first.
  const remembered = missing.filter(isLong).sort(([, a], [, b]) => b.missing!.since - a.missing!.since)
  const briefly = missing.filter((one) => !isLong(one))
  return { kept: Object.fromEntries([...here, ...briefly, ...remembered.slice(0, maxGoneItems)]), gone }
}

/** Undefined if it is not known since when the item is there. */
function countSeen(was: KnownItem | undefined, isBack: boolean, isFirst: boolean): number | undefined {
  if (was === undefined) return isFirst ? settledAfter : 1
  if (isBack) return 1
  return was.seen === undefined ? was.wavers && 1 : Math.min(was.seen + 1, belongsAfter)
}

/** Whether the list gained and lost items, with those that were missing only once. */
function followItems(
  turnover: Turnover | undefined,
  before: KnownList['items'],
  items: ReadonlyMap<string, Item>,
  renamed: ReadonlyMap<string, string>,
): Turnover {
  const wasHere = (key: string) => Object.hasOwn(before, key) && !before[key]!.missing
  const known = new Set(renamed.values())
  const gained = [...items.keys()].some((key) => !wasHere(renamed.get(key) ?? key))
  const lost = Object.keys(before).some((key) => wasHere(key) && !items.has(key) && !known.has(key))
  const isNew = [...items.keys()].some((key) => !Object.hasOwn(before, renamed.get(key) ?? key))
  return followTurnover(turnover, turnover !== undefined && gained, lost, turnover !== undefined && isNew)
}

function pick({ source_measurement_id, company_measurement_id, measurement_name }: Anchor): Anchor {
  return { source_measurement_id, company_measurement_id, measurement_name }
}
