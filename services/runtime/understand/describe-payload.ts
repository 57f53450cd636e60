import { cutStorable, pathOf, sampleLength } from '../read/json-text.ts'
import type { List, Structure } from '../read/parse.ts'
import type { CompiledMap, Level, NestedEntry } from './compile-map.ts'
import { identifyItems, type KnownLists } from './identify.ts'
import type { Identity } from './list-key.ts'
import { type Leaf, listLeaves } from './list-leaves.ts'
import { type Normalized, nothingKnown, type Value, type ValueProblem } from './normalize.ts'
import { remedyOf } from './remedies.ts'

/** What becomes of a payload, as people and programs read it. Each leaf is exactly one of stored, null, unmapped, refused. */
export type PayloadDescription = {
  counts: { leaves: number; stored: number; null: number; unmapped: number; refused: number }
  stored: DescribedValue[]
  /** Paths with how many leaves are there. */
  null: PathCount[]
  unmapped: (PathCount & { sample: string })[]
  refused: DescribedRefusal[]
  lists: DescribedList[]
}
type PathCount = { path: string; leaves: number }

/** `value`: dates in ISO 8601, numbers that a double cannot hold as text, lists as their members. `item`: its key. */
type DescribedValue = {
  measurement: string
  source_measurement_id: number
  path: string
  item: string | null
  type: string
  value: string | number | boolean | string[] | null
}
type DescribedRefusal = {
  path: string
  item: string | null
  reason: ValueProblem
  sample: string
  remedy: string
  leaves: number
}
/** A list of objects. `known_by`: the member by which its items are known; null: by their position. */
type DescribedList = { path: string; known_by: string | null; items: { key: string; label: string | null }[] }

/**
 * Describes what `normalize` made of a payload. `lost`: values whose measurement is gone or of another source, which are
 * refused. `known`: what is known of lists besides what this payload teaches.
 */
export function describePayload(
  data: Structure,
  map: CompiledMap,
  normalized: Normalized,
  { known = nothingKnown, lost = new Set() }: { known?: KnownLists; lost?: ReadonlySet<Value> } = {},
): PayloadDescription {
  const leaves = listLeaves(data)
  const stored = normalized.values.filter((value) => !lost.has(value))
  const refused = [
    ...normalized.refused.map((one) => describeRefusal(one, one.reason, one.sample)),
    ...[...lost].map((value) => describeRefusal(value, 'unknown-measurement', leaves.get(value.seq)?.text ?? '')),
  ]
  const sum = (places: readonly { leaves: number }[]) => places.reduce((total, one) => total + one.leaves, 0)
  const counts = {
    ...{ stored: sum(stored), null: normalized.nulls.length, unmapped: normalized.unmapped.length },
    refused: sum(refused),
  }
  return {
    counts: { leaves: counts.stored + counts.null + counts.unmapped + counts.refused, ...counts },
    stored: stored.map(describeValue),
    null: countPaths(normalized.nulls, leaves).map(({ path, leaves }) => ({ path, leaves })),
    unmapped: countPaths(normalized.unmapped, leaves),
    refused,
    lists: describeLists(data, map, known),
  }
}

function describeValue(value: Value): DescribedValue {
  const { entry, path, item } = value
  return {
    ...{ measurement: entry.name, source_measurement_id: entry.id, path, item: item?.key ?? null, type: entry.type },
    value: readValue(value),
  }
}

function readValue({ entry, number, text, date, members }: Value): DescribedValue['value'] {
  if (date !== null) return new Date(date).toISOString()
  if (members !== null) return members
  if (entry.type === 'bool' && number !== null) return number === 1
  return text ?? number
}

function describeRefusal(
  { path, item, leaves }: { path: string; item: Identity | null; leaves: number },
  reason: ValueProblem,
  sample: string,
): DescribedRefusal {
  const cut = cutStorable(sample, sampleLength)
  return { path, item: item?.key ?? null, reason, sample: cut, remedy: remedyOf(reason), leaves }
}

function countPaths(seqs: readonly number[], leaves: ReadonlyMap<number, Leaf>) {
  const found = seqs.map((seq) => leaves.get(seq) ?? { path: '', text: '' })
  return [...Map.groupBy(found, ({ path }) => path)].map(([path, those]) => ({
    path,
    leaves: those.length,
    sample: cutStorable(those[0]!.text, sampleLength),
  }))
}

function describeLists(data: Structure, map: CompiledMap, known: KnownLists): DescribedList[] {
  const { identities, lessons } = identifyItems(data, map, known)
  const learnt = new Map(lessons.flatMap((one) => (one.kind === 'widened' ? [] : [[one.path, one.member] as const])))
  const found = findLists(data, map.root, '')
  return [...Map.groupBy(found, ({ path }) => path)].map(([path, those]) => ({
    path,
    known_by: those[0]!.entry.itemKey ?? known.of(path)?.member ?? learnt.get(path) ?? null,
    items: those.flatMap(({ list }) => (identities.get(list) ?? []).map(({ key, label }) => ({ key, label }))),
  }))
}

type FoundList = { list: List; path: string; entry: NestedEntry }

/** All lists that the map has a nested entry for, at any depth. */
function findLists(node: Structure, level: Level, prefix: string): FoundList[] {
  return node.members.flatMap(({ key, value, overridden }): FoundList[] => {
    const entry = level.get(key)
    if (entry?.kind !== 'nested' || overridden) return []
    const path = pathOf(prefix, key)
    if (value.kind === 'object') return findLists(value, entry.level, path)
    if (value.kind !== 'list') return []
    const inner = value.items.flatMap((item) =>
      item.kind === 'object' ? findLists(item, entry.level, `${path}[]`) : [],
    )
    return [{ list: value, path: `${path}[]`, entry }, ...inner]
  })
}
