import type { ObservedValue } from '#schemas/generated/types.ts'
import type { Payload } from './payload.ts'

/**
 * An item that was seen. `missing`: it is not there any more, for how many payloads, and when it was seen last, ms since
 * 1970. `wavers`: it was gone before and came back, so that it is gone again is no news.
 */
type KnownItem = { label: string; missing?: { payloads: number; since: number }; wavers?: true }

/** Where the news of a list belong to. */
export type Anchor = Pick<ObservedValue, 'source_measurement_id' | 'company_measurement_id' | 'measurement_name'>

/**
 * The items of a list by item_key. A list is the path of its items: `repos[]`. `seenAt`: of the last payload that had the
 * list; it is missing in states that were stored before it was kept.
 */
type KnownList = { anchor: Anchor; items: Record<string, KnownItem>; seenAt?: number }

/** What a payload's root (company, source and subject_key) was last. Times in ms since 1970. */
export type SubjectState = {
  eventNo: number
  observedAt: number
  mapVersion: number
  lists: Record<string, KnownList>
}

/** Items of a list that appeared or are gone together; `values` are those of a single item that appeared. */
export type ItemsFound = {
  kind: 'appeared' | 'gone'
  list: string
  items: { key: string; label: string }[]
  anchor: Anchor
  values: readonly ObservedValue[]
  /** When those that are gone were seen last, ms since 1970. */
  since: number | null
}

export type ItemPolicy = {
  /** Payloads without an item after which it is gone. */
  goneAfter: number
  /** Of one list, at once; more are told together. */
  maxItemNews: number
  /** Of one list; others are forgotten, and would appear again. */
  maxGoneItems: number
}

type Item = { key: string; label: string; values: ObservedValue[] }

/**
 * Judges which items of a payload's lists are new and which are gone, by what its subject was before it, and gives what
 * the subject is now. The first payload of a subject, and the first with another map, is where it begins. A list that is
 * wholly missing tells nothing: the module may not have asked for it. Nor do items that are known by their position alone.
 * Items within an item that appears or is gone are told with it.
 */
export function judgeItems(
  state: SubjectState | null,
  payload: Payload,
  policy: ItemPolicy,
): { state: SubjectState; found: ItemsFound[] } {
  const lists = listsOf(payload)
  const known = state?.mapVersion === payload.map_version ? state : null
  const next: SubjectState['lists'] = { ...known?.lists }
  const found: ItemsFound[] = []
  const moved = new Set<string>()
  // A list before those within it, which are longer.
  for (const list of [...lists.keys()].sort((a, b) => a.length - b.length)) {
    const items = lists.get(list)!
    const { items: before = {}, seenAt = known?.observedAt ?? payload.observed_at } = known?.lists[list] ?? {}
    const anchor = items.values().next().value!.values[0]!
    const { kept, gone } = keep(before, items, seenAt, policy)
    next[list] = { anchor: pick(anchor), items: kept, seenAt: payload.observed_at }
    const appeared = [...items.values()].filter(({ key }) => !Object.hasOwn(before, key))
    if (known)
      found.push(
        ...report('appeared', list, appeared.filter(isOutermost), policy),
        ...report('gone', list, gone.filter(isOutermost), policy),
      )
    for (const { key } of [...appeared, ...gone]) moved.add(key)
  }
  const { event_no: eventNo, observed_at: observedAt, map_version: mapVersion } = payload
  return { state: { eventNo, observedAt, mapVersion, lists: next }, found }

  function isOutermost({ key }: { key: string }): boolean {
    return !outerKeys(key).some((outer) => moved.has(outer))
  }

  function report(
    kind: ItemsFound['kind'],
    list: string,
    items: (Item & { since?: number })[],
    { maxItemNews }: ItemPolicy,
  ) {
    const { anchor } = next[list]!
    const make = (those: typeof items, values: readonly ObservedValue[]): ItemsFound => ({
      ...{ kind, list, values, since: those[0]!.since ?? null },
      items: those.map(({ key, label }) => ({ key, label })),
      anchor: values[0] ? pick(values[0]) : anchor,
    })
    if (items.length > maxItemNews) return [make(items, [])]
    return items.map((item) => make([item], item.values))
  }
}

/** Lists by their path, each with its items by key, in the order of the payload. */
function listsOf({ values }: Payload): Map<string, Map<string, Item>> {
  const lists = new Map<string, Map<string, Item>>()
  for (const value of values) {
    const { item_key: key, item_label: label, path } = value
    const end = path.lastIndexOf('[]')
    if (key === null || end === -1 || isPositional(key)) continue
    const list = path.slice(0, end + 2)
    const items = lists.get(list) ?? new Map<string, Item>()
    lists.set(list, items)
    const item = items.get(key)
    if (item) item.values.push(value)
    else items.set(key, { key, label: label ?? key, values: [value] })
  }
  return lists
}

/** Whether an item is known by its place in the list alone: another one may stand there now. */
export function isPositional(key: string): boolean {
  return /(^|>)#\d+$/.test(key)
}

/** The items of a list as they are known now, and those that are gone with this payload. */
function keep(
  before: KnownList['items'],
  items: ReadonlyMap<string, Item>,
  lastSeenAt: number,
  { goneAfter, maxGoneItems }: ItemPolicy,
) {
  const gone: (Item & { since: number })[] = []
  const missing: [string, KnownItem][] = []
  for (const [key, item] of Object.entries(before)) {
    if (items.has(key)) continue
    const payloads = Math.min((item.missing?.payloads ?? 0) + 1, goneAfter + 1)
    const since = item.missing?.since ?? lastSeenAt
    missing.push([key, { ...item, missing: { payloads, since } }])
    if (payloads === goneAfter && !item.wavers) gone.push({ key, label: item.label, values: [], since })
  }
  const here = [...items.values()].map(({ key, label }): [string, KnownItem] => {
    const was = Object.hasOwn(before, key) ? before[key] : undefined
    const wavers = was?.wavers ?? (was?.missing && was.missing.payloads >= goneAfter)
    return [key, { label, ...(wavers && { wavers }) }]
  })
  const isGone = ([, { missing: absent }]: [string, KnownItem]) => absent!.payloads >= goneAfter
  // Those that have been gone the longest are forgotten first.
  const remembered = missing.filter(isGone).sort(([, a], [, b]) => b.missing!.since - a.missing!.since)
  const absent = missing.filter((one) => !isGone(one))
  return { kept: Object.fromEntries([...here, ...absent, ...remembered.slice(0, maxGoneItems)]), gone }
}

/** The keys of the items around an item: of `a>b>c` these are `a>b` and `a`. A `>` within a key stands behind a backslash. */
function outerKeys(key: string): string[] {
  const keys: string[] = []
  for (let at = 0; at < key.length; at++) {
    if (key[at] === '\\') at++
    else if (key[at] === '>') keys.push(key.slice(0, at))
  }
  return keys
}

function pick({ source_measurement_id, company_measurement_id, measurement_name }: Anchor): Anchor {
  return { source_measurement_id, company_measurement_id, measurement_name }
}
