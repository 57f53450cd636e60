import type { EmptyList } from '#schemas/generated/types.ts'
import { pathOf } from '../read/json-text.ts'
import type { List, Structure } from '../read/parse.ts'
import type { CompiledMap, Level, NestedEntry } from './compile-map.ts'
import { keyText } from './item-members.ts'
import { chooseMember, findSharedKeys, identify, type Identity, type ListKey } from './list-key.ts'

/** What is known of the lists of a data source, for one payload. A list is the path of its items: `repos[]`. */
export type KnownLists = {
  of(path: string): ListKey | null
  /** The item keys stored of a list that is from before list keys were kept and has none of its own yet; else null. */
  storedBefore(path: string): ReadonlySet<string> | null
  /** Whether more may be learnt. Otherwise items with one key are one item. */
  learns: boolean
}

/**
 * What a payload teaches about a list. `key`: the member that identifies its items, for all companies; `names`: all that
 * its items have. `kept`: how the company's items are known since before list keys were kept. `widened`: item keys that
 * several items have.
 */
export type Lesson = { path: string } & (
  | { kind: 'key'; member: string; names: string[] }
  | { kind: 'kept'; member: string | null; numbered: boolean }
  | { kind: 'widened'; items: string[]; members: string[] }
)

/** How many empty lists of a payload are observed. Of other ones nobody learns that their items are gone. */
const maxEmptyLists = 500

export type Identified = {
  identities: ReadonlyMap<List, readonly Identity[]>
  empty: EmptyList[]
  lessons: Lesson[]
}

type FoundList = { list: List; path: string; field: string; entry: NestedEntry; outer: Identity | null }

const byPosition: ListKey = { member: null, numbered: false, widened: new Map() }

/**
 * Finds which item of which list is which, outer lists first, and what the payload teaches about its lists. The
 * identities are those that count once that is learnt. The order of items does not matter. Never throws.
 */
export function identifyItems(root: Structure, map: CompiledMap, known: KnownLists): Identified {
  const identities = new Map<List, readonly Identity[]>()
  const empty: EmptyList[] = []
  const lessons: Lesson[] = []
  let lists = findLists(root, map.root, '', null, empty)
  while (lists.length > 0) {
    for (const [path, those] of Map.groupBy(lists, (one) => one.path)) {
      const key = keyOf(path, those, known, lessons)
      const found = those.map((one) => identify(one.list.items, one.field, key, one.outer))
      const shared = known.learns ? findShared(those, found, key) : new Map<string, string[]>()
      for (const [members, items] of Map.groupBy(shared.keys(), (item) => JSON.stringify(shared.get(item))))
        lessons.push({ kind: 'widened', path, items, members: JSON.parse(members) as string[] })
      const widened = { ...key, widened: new Map([...key.widened, ...shared]) }
      for (const [index, one] of those.entries())
        identities.set(
          one.list,
          shared.size === 0 ? found[index]! : identify(one.list.items, one.field, widened, one.outer),
        )
    }
    lists = lists.flatMap(({ list, path, entry }) =>
      hasLists(entry.level)
        ? list.items.flatMap((item, at) =>
            item.kind === 'object' ? findLists(item, entry.level, path, identities.get(list)![at]!, empty) : [],
          )
        : [],
    )
  }
  return { identities, empty, lessons }
}

/** The lists of an object that are not in a list within it. */
function findLists(
  node: Structure,
  level: Level,
  prefix: string,
  outer: Identity | null,
  empty: EmptyList[],
): FoundList[] {
  return node.members.flatMap(({ key: field, value, overridden }): FoundList[] => {
    const entry = level.get(field)
    if (entry?.kind !== 'nested' || overridden) return []
    const path = pathOf(prefix, field)
    if (value.kind === 'object') return findLists(value, entry.level, path, outer, empty)
    if (value.kind !== 'list') return []
    if (value.items.length === 0 && empty.length < maxEmptyLists)
      empty.push({ path: `${path}[]`, outer_key: outer?.key ?? null })
    return value.flat ? [] : [{ list: value, path: `${path}[]`, field, entry, outer }]
  })
}

const levelsWithLists = new WeakMap<Level, boolean>()

/** Whether lists can be anywhere below a level of a map. */
export function hasLists(level: Level): boolean {
  const known = levelsWithLists.get(level)
  if (known !== undefined) return known
  const has = [...level.values()].some((entry) => entry.kind === 'nested')
  levelsWithLists.set(level, has)
  return has
}

/** The key of a list, known or learnt from all lists of the payload at its path. */
function keyOf(path: string, those: readonly FoundList[], known: KnownLists, lessons: Lesson[]): ListKey {
  const { field, entry } = those[0]!
  const stored = known.storedBefore(path)
  const given = known.of(path)
  const member = entry.itemKey ?? given?.member ?? null
  const current = given ? { ...given, member } : { ...byPosition, member }
  if (!known.learns) return current
  if (stored) {
    const kept = findKept(those, stored, current)
    lessons.push({ kind: 'kept', path, member: kept.member, numbered: kept.numbered })
    if (!given && kept.member !== null && entry.itemKey === null)
      lessons.push({ kind: 'key', path, member: kept.member, names: namesIn(those) })
    return kept
  }
  if (given || entry.itemKey !== null) return current
  const learnt = choose(those, field)
  if (learnt === null) return current
  lessons.push({ kind: 'key', path, member: learnt, names: namesIn(those) })
  return { ...byPosition, member: learnt }
}

function choose(those: readonly FoundList[], field: string): string | null {
  return chooseMember(
    those.map(({ list }) => list.items),
    field,
  )
}

/**
 * The key under which most items have the keys that are stored: the present one, the one that would be learnt, or any
 * member of them, or their position.
 */
function findKept(those: readonly FoundList[], stored: ReadonlySet<string>, current: ListKey): ListKey {
  const { field, entry } = those[0]!
  const learnt = current.member ?? choose(those, field)
  const candidates = [learnt, ...(entry.itemKey === null ? [...namesIn(those), null] : [])]
  const scored = candidates.flatMap((member) =>
    [false, true].map((numbered) => {
      const key = { ...byPosition, member, numbered }
      const keys = those.flatMap(({ list, outer }) => identify(list.items, field, key, outer))
      return { key, score: new Set(keys.map((one) => one.key).filter((one) => stored.has(one))).size }
    }),
  )
  const best = scored.reduce((a, b) => (b.score > a.score ? b : a))
  return { ...best.key, widened: current.widened }
}

/** The members by which at least one item could be known. */
function namesIn(those: readonly FoundList[]): string[] {
  const items = those.flatMap(({ list }) => list.items)
  const names = new Set(items.flatMap((item) => (item.kind === 'object' ? item.members.map(({ key }) => key) : [])))
  return [...names].filter((name) => items.some((item) => keyText(item, name) !== null))
}

function findShared(
  those: readonly FoundList[],
  found: readonly (readonly Identity[])[],
  key: ListKey,
): Map<string, string[]> {
  const shared = new Map<string, string[]>()
  for (const [index, { list, field, outer }] of those.entries()) {
    if (new Set(found[index]!.map((one) => one.key)).size === list.items.length) continue
    for (const [item, members] of findSharedKeys(list.items, field, key, outer)) shared.set(item, members)
  }
  return shared
}
