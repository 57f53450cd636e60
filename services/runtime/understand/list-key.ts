import { cutStorable, sha256 } from '../read/json-text.ts'
import type { Json } from '../read/parse.ts'
import { findWidening, groupNameOf, keyNamesOf, keyText, labelOf } from './item-members.ts'

/** Which item of a list, and of the lists around it, a value belongs to. `label`: what a person calls the item. */
export type Identity = { key: string; label: string | null }

/** By what the items of a list are known. */
export type ListKey = {
  /** The member that identifies an item; null: its position. */
  member: string | null
  /** Items of one key are numbered, as in lists stored before list keys were kept. */
  numbered: boolean
  /** Item keys that several items had, with the members that tell those apart. */
  widened: ReadonlyMap<string, readonly string[]>
}

/** Series are found by these keys, so these limits must never change. */
const maxKeyLength = 512
const maxLabelLength = 200

/**
 * The identities of a list's items, in order. An item is known by the list's member; without it, by the best natural
 * key of its own, as `name\=Ann`; without any, and if it is no object, by its position, as `#0`. A key that the list
 * key widens is followed by the members that tell its items apart, as `7\+role\=CEO`. The key of the item around the
 * list comes in front, as `outer>inner`. Backslashes and `>` in keys are escaped, so that none reads like another.
 */
export function identify(
  items: readonly Json[],
  field: string,
  { member, numbered, widened }: ListKey,
  outer: Identity | null,
): Identity[] {
  const unique = numbered ? createOrdinals(new Set(items.map((item) => member && keyText(item, member)))) : null
  return items.map((item, position) => {
    const name = member === null ? null : keyText(item, member)
    const second = member === null || name !== null ? undefined : nextBest(item, field)
    const next = second && `${escape(second)}\\=${escape(keyText(item, second)!)}`
    const key = unique
      ? chain(outer, escape(unique(name ?? `#${position}`)))
      : widen(chain(outer, name === null ? (next ?? `#${position}`) : escape(name)), item, widened)
    const label = labelOf(item) ?? name ?? (second ? keyText(item, second) : null)
    return { key, label: label === null ? null : cutStorable(label, maxLabelLength) }
  })
}

/**
 * By which member the items of these lists are best known: the first natural key that all items have and no two of a
 * list share; else the first that all have; else the one that most have; for groups (one text member beside lists) that
 * text. Null if there is none.
 */
export function chooseMember(lists: readonly (readonly Json[])[], field: string): string | null {
  const objects = lists.map((items) => items.filter((item) => item.kind === 'object'))
  const all = objects.flat()
  const known = keyNamesOf(field)
    .map((name) => ({ name, have: all.filter((item) => keyText(item, name) !== null).length }))
    .filter(({ have }) => have > 0)
  const complete = known.filter(({ have }) => have === all.length)
  const isUnique = (name: string) =>
    objects.every((items) => new Set(items.map((item) => keyText(item, name))).size === items.length)
  const best = complete.find(({ name }) => isUnique(name)) ?? complete[0]
  if (best) return best.name
  const groups = new Set(all.map(groupNameOf))
  const [group = null] = groups
  if (groups.size === 1 && group !== null && all.every((item) => keyText(item, group) !== null)) return group
  return known.toSorted((a, b) => b.have - a.have)[0]?.name ?? null
}

/**
 * What `list key` must widen so that no two items of a list have one key, by item key. Items that nothing tells apart
 * are one item, and share their key.
 */
export function findSharedKeys(
  items: readonly Json[],
  field: string,
  key: ListKey,
  outer: Identity | null,
): Map<string, string[]> {
  const added = new Map<string, string[]>()
  if (key.numbered || key.member === null) return added
  for (;;) {
    const widened = new Map([...key.widened, ...added])
    const keys = identify(items, field, { ...key, widened }, outer)
    if (new Set(keys.map((one) => one.key)).size === items.length) return added
    const shared = [...Map.groupBy(items.keys(), (index) => keys[index]!.key)]
      .filter(([own, those]) => those.length > 1 && !widened.has(own))
      .map(
        ([own, those]) =>
          [
            own,
            findWidening(
              those.map((index) => items[index]!),
              field,
              key.member,
            ),
          ] as const,
      )
      .filter(([, members]) => members.length > 0)
    if (shared.length === 0) return added
    for (const [own, members] of shared) added.set(own, members)
  }
}

/** The best natural key that the item has itself. */
function nextBest(item: Json, field: string): string | undefined {
  return item.kind === 'object' ? keyNamesOf(field).find((name) => keyText(item, name) !== null) : undefined
}

function widen(key: string, item: Json, widened: ListKey['widened']): string {
  const members = widened.get(key)
  if (!members) return key
  const own = members.flatMap((name) => {
    const text = keyText(item, name)
    return text === null ? [] : [`\\+${escape(name)}\\=${escape(text)}`]
  })
  return own.length === 0 ? key : widen(shorten(key + own.join('')), item, widened)
}

/** Makes names unique: a repeated name gets an ordinal that no other key of the list has. */
function createOrdinals(names: ReadonlySet<string | null>) {
  const next = new Map<string, number>()
  return (name: string): string => {
    let ordinal = next.get(name) ?? 1
    while (ordinal > 1 && names.has(`${name}#${ordinal}`)) ordinal++
    next.set(name, ordinal + 1)
    return ordinal === 1 ? name : `${name}#${ordinal}`
  }
}

function escape(text: string): string {
  return text.replaceAll(/[\\>]/g, '\\$&')
}

function chain(outer: Identity | null, own: string): string {
  return shorten(outer ? `${outer.key}>${own}` : own)
}

function shorten(key: string): string {
  return key.length <= maxKeyLength ? key : sha256(key)
}
