import { plainNumber, withoutEndSlashes } from '#runtime/text/plain-key.ts'
import { nameOf } from '../values/reading.ts'
import { isMakeshift, outerKeys, sharedKeysOf } from './item-keys.ts'

type Labelled = { label: string }

/**
 * The items of a list that are known by another key: the new key, and the one before. An item is the same if its key is
 * only written otherwise; if several items turned out to have its key, which has since been made longer; and if it
 * lacked the member by which its list is known, or lacks it now, and its label is the same.
 */
export function findRenamed(
  before: Readonly<Record<string, Labelled>>,
  items: ReadonlyMap<string, Labelled>,
): Map<string, string> {
  const fresh = [...items.keys()].filter((key) => !Object.hasOwn(before, key))
  const renamed = new Map<string, string>()
  if (fresh.length === 0) return renamed
  const lost = Object.keys(before).filter((key) => !items.has(key))
  const byName = new Map(lost.map((key) => [writtenAs(key), key]))
  for (const key of fresh) {
    const old = byName.get(writtenAs(key))
    if (old !== undefined) renamed.set(key, old)
  }
  const isLeft = (key: string) => !renamed.has(key)
  for (const [old, keys] of Map.groupBy(fresh.filter(isLeft), (key) =>
    sharedKeysOf(key).findLast((one) => isLost(one)),
  ))
    if (old !== undefined) for (const key of chooseHeirs(old, keys)) renamed.set(key, old)
  for (const [key, old] of pairByLabel(fresh.filter(isLeft), lost)) renamed.set(key, old)
  return renamed

  function isLost(key: string): boolean {
    return Object.hasOwn(before, key) && !items.has(key)
  }

  /** Those of the items with a longer key that may be the old one: the one with its label, or all. */
  function chooseHeirs(old: string, keys: readonly string[]): readonly string[] {
    const same = keys.filter((key) => nameOf(items.get(key)!.label) === nameOf(before[old]!.label))
    return same.length === 1 ? same : keys
  }

  function pairByLabel(keys: readonly string[], others: readonly string[]): [string, string][] {
    const news = Map.groupBy(keys, (key) => placeOf(key, items.get(key)!))
    const olds = Map.groupBy(
      others.filter((key) => ![...renamed.values()].includes(key)),
      (key) => placeOf(key, before[key]!),
    )
    return [...news].flatMap(([place, [key, second]]): [string, string][] => {
      const [old, another] = olds.get(place) ?? []
      if (!key || !old || second !== undefined || another !== undefined) return []
      return isMakeshift(key) || isMakeshift(old) ? [[key, old]] : []
    })
  }
}

/** The items of a list, with those around them by their new keys. `renamed`: new keys, and those before. */
export function followRenamed<T>(items: Record<string, T>, renamed: ReadonlyMap<string, string>): Record<string, T> {
  if (renamed.size === 0) return items
  const newKeys = Map.groupBy(renamed.keys(), (key) => renamed.get(key)!)
  return Object.fromEntries(
    Object.entries(items).map(([key, item]) => {
      const outer = outerKeys(key).findLast((one) => newKeys.get(one)?.length === 1)
      return [outer === undefined ? key : newKeys.get(outer)![0]! + key.slice(outer.length), item]
    }),
  )
}

/** A key without differences of writing that mean nothing. */
function writtenAs(key: string): string {
  return nameOf(plainNumber(withoutEndSlashes(key)))
}

/** The item around an item, and its label. */
function placeOf(key: string, { label }: Labelled): string {
  return JSON.stringify([outerKeys(key).at(-1) ?? '', nameOf(label)])
}
