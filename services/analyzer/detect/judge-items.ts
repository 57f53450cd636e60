import { innermostList } from '#runtime/text/value-path.ts'
import type { ObservedValue } from '#schemas/generated/types.ts'
import { type Payload, seriesKey } from '../values/payload.ts'
import type { SeriesState } from '../values/series-state.ts'
import { isPositional, outerKey, outerKeys } from './item-keys.ts'
import { followItems, type Item, type ItemPolicy, keepItems, type KnownItem } from './keep-items.ts'
import { findHeirs, findRenamed, followRenamed } from './renamed-items.ts'
import { isBorn, isGain, isLoss, isSample, losesItems, type Turnover } from './sampled-lists.ts'

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
 * Items of a list that appeared or are gone together, or one that was renamed. `values`: those of the item, if it is a
 * single one that is there.
 */
export type ItemsFound = {
  kind: 'appeared' | 'gone' | 'renamed'
  list: string
  items: { key: string; label: string }[]
  /** What a renamed item was called. */
  formerly?: string
  anchor: Anchor
  values: readonly ObservedValue[]
  /** When gone items were last seen, ms since 1970. */
  since: number | null
}

/** The kind of a news item about them. A new name of an item is a change like any other. */
export function newsKindOf({ kind }: Pick<ItemsFound, 'kind'>): 'appeared' | 'gone' | 'changed' {
  return kind === 'renamed' ? 'changed' : kind
}

/**
 * Finds the items that appeared and those that are gone, by the state of the subject, and returns the new state. The
 * first payload of a subject, and the first with another map, only starts the state, and so do the first items of a list
 * that was never there. A list that is null or missing shows nothing, since the module may not have fetched it; an empty
 * one shows that its items are missing. Items known only by their position show nothing. Items inside an
 * item that appears or is gone belong to it. An item that only has another key now (findRenamed) is the same item, and so
 * is one that goes on with the numbers of one that left (findHeirs), which is told. `states`: of the payload's series and
 * those of items that left, by seriesKey; absent: numbers are not compared.
 */
export function judgeItems(
  state: SubjectState | null,
  payload: Payload,
  policy: ItemPolicy,
  states?: ReadonlyMap<string, SeriesState>,
): { state: SubjectState; found: ItemsFound[] } {
  const { event_no: eventNo, observed_at: observedAt, map_version: mapVersion } = payload
  const lists = listsOf(payload)
  const here = new Set([...lists.values()].flatMap((items) => [...items.keys()]))
  const empty = Map.groupBy(payload.empty_lists, ({ path }) => path)
  const known = state?.mapVersion === mapVersion ? state : null
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
    const heirs = states ? findHeirs(before, items, renamed, readLast(payload, states)) : new Map<string, string>()
    for (const [key, old] of heirs) renamed.set(key, old)
    for (const [key, old] of renamed) renames.set(key, old)
    const emptyNow = (empty.get(list) ?? []).map(({ outer_key }) => outer_key ?? '')
    const shown = new Set([...[...items.keys()].map(outerKey), ...emptyNow])
    // Those in a list that is null or missing in an item that is here.
    const isUnsaid = (key: string) => !shown.has(outerKey(key)) && here.has(outerKey(key))
    const unsaid = Object.entries(before).filter(([key]) => isUnsaid(key))
    const said = Object.fromEntries(Object.entries(before).filter(([key]) => !isUnsaid(key)))
    const lastSeenAt = last?.seenAt ?? known?.observedAt ?? observedAt
    const wasEmpty = last?.empty ?? []
    const wasThere = new Set([...Object.keys(before).map(outerKey), ...wasEmpty, ...(last ? [''] : [])])
    const turnover = policy.knowsSamples ? followItems(last, said, items, renamed, wasThere, observedAt) : undefined
    const isNews = (item: Item) => !turnover || isGain(turnover, item.values, observedAt)
    const appeared = [...items.values()].filter(({ key }) => !Object.hasOwn(before, key) && !renamed.has(key))
    const gained = appeared.filter((item) => wasThere.has(outerKey(item.key)) && isNews(item))
    // In a list that loses items what appears may only pass by.
    const isDoubtful = turnover !== undefined && losesItems(last?.turnover)
    const waiting = new Set(isDoubtful ? unbornOf(gained, observedAt) : [])
    const again = [...items.values()].filter((item) => waits(before, item) && isNews(item))
    const { kept, gone } = keepItems(said, items, renamed, lastSeenAt, policy, last === undefined, waiting)
    next[list] = {
      anchor: items.size > 0 ? pick(items.values().next().value!.values[0]!) : last?.anchor,
      items: { ...kept, ...Object.fromEntries(unsaid) },
      seenAt: observedAt,
      empty: [...emptyNow, ...wasEmpty.filter((outer) => !shown.has(outer))].slice(0, maxEmptyLists),
      ...(turnover && { turnover }),
    }
    const isMissed = ({ key }: Item) => !turnover || isLoss(before[key]?.seen, isSample(turnover))
    const told = [...gained.filter(({ key }) => !waiting.has(key)), ...again].filter(isOutermost)
    const missed = gone.filter((item) => isOutermost(item) && isMissed(item))
    if (known) {
      const of = { list, anchor: next[list].anchor! }
      const outer = [...heirs].filter(([key]) => isOutermost({ key }))
      found.push(
        ...report('appeared', of, told, policy.maxItemNews),
        ...report('gone', of, missed, policy.maxItemNews),
        ...outer.map(([key, old]) => rename(list, items.get(key)!, before[old]!)),
      )
    }
    for (const { key } of [...appeared, ...gone]) moved.add(key)
  }
  return { state: { eventNo, observedAt, mapVersion, lists: next }, found }

  function isOutermost({ key }: { key: string }): boolean {
    return !outerKeys(key).some((outer) => moved.has(outer))
  }
}

type LastNumber = Parameters<typeof findHeirs>[3]

/** The last number of a series of a payload by its measurement and item. */
function readLast(payload: Payload, states: ReadonlyMap<string, SeriesState>): LastNumber {
  return ({ company_measurement_id }, item_key) => {
    const last = states.get(seriesKey(payload, { company_measurement_id, item_key }))?.last
    return last?.kind === 'number' ? last.number : null
  }
}

function rename(list: string, { key, label, values }: Item, { label: formerly }: KnownItem): ItemsFound {
  return { kind: 'renamed', list, items: [{ key, label }], formerly, anchor: pick(values[0]!), values, since: null }
}

/** One news item for each item, or one for all if there are more than `most`. */
function report(
  kind: 'appeared' | 'gone',
  { list, anchor }: Pick<ItemsFound, 'list' | 'anchor'>,
  items: (Item & { since?: number })[],
  most: number,
): ItemsFound[] {
  if (items.length === 0) return []
  const make = (those: typeof items, values: readonly ObservedValue[]): ItemsFound => ({
    ...{ kind, list, values, since: those[0]!.since ?? null },
    items: those.map(({ key, label }) => ({ key, label })),
    anchor: values[0] ? pick(values[0]) : anchor,
  })
  return items.length > most ? [make(items, [])] : items.map((item) => make([item], item.values))
}

/** The keys of items of which no date says that they are new. */
function unbornOf(items: readonly Item[], observedAt: number): string[] {
  return items.flatMap(({ key, values }) => (isBorn(values, observedAt) ? [] : [key]))
}

function waits(before: Readonly<Record<string, KnownItem>>, { key }: Item): boolean {
  return Object.hasOwn(before, key) && before[key]!.waits === true
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

function pick({ source_measurement_id, company_measurement_id, measurement_name }: Anchor): Anchor {
  return { source_measurement_id, company_measurement_id, measurement_name }
}
