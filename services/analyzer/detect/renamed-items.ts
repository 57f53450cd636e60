import { plainNumber, withoutEndSlashes } from '#runtime/text/plain-key.ts'
import type { ObservedValue } from '#schemas/generated/types.ts'
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

/** Numbers from this one on tell items apart; so many of them, no two alike, must go on. */
const tellingNumber = 50
const leastTelling = 2
/** How far a number goes on from one payload to the next at most, as a part of it or, for small ones, by itself. */
const nearness = 0.01
const nearCount = 4
/** Where so many items come and go at once, none is renamed. */
const mostChanged = 50

type Numbered = Pick<ObservedValue, 'number' | 'type' | 'company_measurement_id'>

/**
 * The items that go on with the numbers of an item that left in this payload, so that they are the same under a new name:
 * the new key, and the one before. `renamed`: those that are known to be the same. `lastNumber`: of a series by its
 * measurement and item.
 */
export function findHeirs(
  before: Readonly<Record<string, Labelled & { missing?: unknown }>>,
  items: ReadonlyMap<string, Labelled & { values: readonly Numbered[] }>,
  renamed: ReadonlyMap<string, string>,
  lastNumber: (of: Numbered, key: string) => number | null,
): Map<string, string> {
  const taken = new Set(renamed.values())
  const left = Object.keys(before).filter((key) => !items.has(key) && !before[key]!.missing && !taken.has(key))
  if (left.length === 0) return new Map()
  const fresh = [...items.keys()].filter((key) => !Object.hasOwn(before, key) && !renamed.has(key))
  if (Math.max(left.length, fresh.length) > mostChanged) return new Map()
  const pairs = fresh.flatMap((key) => left.filter((old) => goesOn(key, old)).map((old) => [key, old] as const))
  const isOnly = (at: 0 | 1) => (pair: readonly [string, string]) =>
    pairs.filter((other) => other[at] === pair[at]).length === 1
  return new Map(pairs.filter(isOnly(0)).filter(isOnly(1)))

  function goesOn(key: string, old: string): boolean {
    if ((outerKeys(key).at(-1) ?? '') !== (outerKeys(old).at(-1) ?? '')) return false
    const numbers = items.get(key)!.values.flatMap((value): [number, number][] => {
      const last = value.number === null || value.type === 'bool' ? null : lastNumber(value, old)
      return last === null ? [] : [[last, value.number!]]
    })
    const telling = new Set(numbers.flatMap(([last]) => (Math.abs(last) >= tellingNumber ? [last] : [])))
    return telling.size >= leastTelling && numbers.every(([last, now]) => isNear(last, now))
  }
}

function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) <= Math.max(nearCount, nearness * Math.max(Math.abs(a), Math.abs(b)))
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
