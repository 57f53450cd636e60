import { coerce, type CoerceProblem, coercions, type Coerced, kindOf } from '../read/coerce.ts'
import { cutStorable, jsonText, pathOf, sampleLength } from '../read/json-text.ts'
import type { Json, List, Structure } from '../read/parse.ts'
import type { CompiledMap, Entry, Level, MapProblem, NestedEntry, ValueEntry } from './compile-map.ts'
import { type Identified, identifyItems, type KnownLists } from './identify.ts'
import type { Identity } from './list-key.ts'

/** Why a leaf is not stored: the closed list of `normalizer.refused.reason` for values. */
export type ValueProblem = CoerceProblem | MapProblem | 'duplicate-key' | 'not-an-object' | 'unknown-measurement'

/** Where something is. It covers the leaves `seq` to `seq + leaves - 1` of the source text. */
type Place = { seq: number; leaves: number; path: string; item: Identity | null }
export type Value = Place & Coerced & { entry: ValueEntry }
type Refused = Place & { reason: ValueProblem; sample: string }

/** A path where the payload and the map differ. */
export type Drift = {
  kind: 'unknown-path' | 'missing-path' | 'retyped-path'
  path: string
  found: string
  declared: string
}

export type Normalized = {
  values: Value[]
  refused: Refused[]
  /** The seq of each null, and of each other leaf whose path the map does not have. */
  nulls: number[]
  unmapped: number[]
  /** The path of each null that the map has. */
  nullPaths: string[]
  /** The paths of nested entries that are objects or lists in the payload, and of those lists' items. */
  nestedPaths: Set<string>
  /** source_measurement_id of nested entries that occur in the payload. They get a series and no value. */
  parents: Set<number>
  drift: Drift[]
  empty: Identified['empty']
  lessons: Identified['lessons']
}

/** Paths that differ from the map reported for one payload: one of another shape altogether differs in all. */
export const maxDriftPerPayload = 50

/** Each list is seen for the first time. */
export const nothingKnown: KnownLists = { of: () => null, storedBefore: () => null, learns: true }

/**
 * Reads a payload's `raw_data` by a map. Every leaf is exactly one of stored, refused, null and unmapped. An empty list
 * or object where the map has a nested entry is not a leaf. Never throws.
 */
export function normalize(
  root: Structure,
  map: CompiledMap,
  known: KnownLists = nothingKnown,
  maxDrift = maxDriftPerPayload,
): Normalized {
  const walk = new Walk(root, identifyItems(root, map, known), maxDrift)
  walk.object(root, map.root, '', null)
  walk.reportMissing()
  return walk.result
}

class Walk {
  readonly result: Normalized
  readonly #first: number
  readonly #identities: Identified['identities']
  readonly #maxDrift: number
  readonly #seen = new Set<Entry>()
  /** The levels of the map that occur in the payload, with their paths. */
  readonly #visited = new Map<Level, string>()
  readonly #drift = new Set<string>()

  constructor(root: Structure, { identities, empty, lessons }: Identified, maxDrift: number) {
    this.#first = root.seq
    this.#identities = identities
    this.#maxDrift = maxDrift
    this.result = {
      values: [],
      refused: [],
      nulls: [],
      unmapped: [],
      nullPaths: [],
      nestedPaths: new Set(),
      parents: new Set(),
      drift: [],
      ...{ empty, lessons },
    }
  }

  object(node: Structure, level: Level, prefix: string, item: Identity | null): void {
    this.#visited.set(level, prefix)
    for (const { key, value, overridden } of node.members) {
      const entry = level.get(key)
      const path = entry ? pathOfEntry(entry, prefix, key) : pathOf(prefix, key)
      if (entry) this.#seen.add(entry)
      else this.#report({ kind: 'unknown-path', path, found: foundKind(value), declared: '' })
      if (!entry) this.#count(value)
      else if (value.kind === 'null') this.#null(value, path)
      else if (overridden) this.#refuse('duplicate-key', value, path, item)
      else if (entry.kind === 'faulty') this.#refuse(entry.reason, value, path, item)
      else if (entry.kind === 'value') this.#value(entry, value, path, item)
      else this.#nested(entry, value, path, item)
    }
  }

  reportMissing(): void {
    for (const [level, prefix] of this.#visited)
      for (const [key, entry] of level)
        if (!this.#seen.has(entry))
          this.#report({ kind: 'missing-path', path: pathOf(prefix, key), found: '', declared: declaredType(entry) })
  }

  #value(entry: ValueEntry, node: Json, path: string, item: Identity | null): void {
    const kind = kindOf(node)
    if (!coercions[entry.type].expects.includes(kind))
      this.#report({ kind: 'retyped-path', path, found: foundKind(node), declared: entry.type })
    const coerced = coerce(entry.type, node)
    if (typeof coerced === 'string') this.#refuse(coerced, node, path, item)
    else this.result.values.push({ ...coerced, seq: this.#seq(node), leaves: node.leaves, path, item, entry })
  }

  #nested(entry: NestedEntry, node: Json, path: string, item: Identity | null): void {
    if (entry.id !== null) this.result.parents.add(entry.id)
    if (node.kind === 'object' || node.kind === 'list') this.result.nestedPaths.add(path)
    if (node.kind === 'object') return this.object(node, entry.level, path, item)
    if (node.kind === 'list' && node.items.length === 0) return
    if (node.kind === 'list' && !node.flat) return this.#items(entry, node, `${path}[]`)
    if (isOnlyNulls(node)) return this.#null(node, path)
    this.#refuseAsItem(node, path, item)
  }

  #items(entry: NestedEntry, list: List, path: string): void {
    const identities = this.#identities.get(list)!
    this.result.nestedPaths.add(path)
    for (const [index, node] of list.items.entries()) {
      const item = identities[index]!
      if (node.kind === 'object') this.object(node, entry.level, path, item)
      else if (node.kind === 'null') this.#null(node, path)
      else this.#refuseAsItem(node, path, item)
    }
  }

  #refuseAsItem(node: Json, path: string, item: Identity | null): void {
    this.#report({ kind: 'retyped-path', path, found: foundKind(node), declared: 'nested' })
    this.#refuse('not-an-object', node, path, item)
  }

  #null(node: Json, path: string): void {
    this.result.nulls.push(this.#seq(node))
    this.result.nullPaths.push(path)
  }

  /** Counts the leaves of a member without an entry. */
  #count(node: Json): void {
    if (node.kind === 'object' && node.members.length > 0) for (const { value } of node.members) this.#count(value)
    else if (node.kind === 'list' && !node.flat) for (const item of node.items) this.#count(item)
    else (node.kind === 'null' ? this.result.nulls : this.result.unmapped).push(this.#seq(node))
  }

  #refuse(reason: ValueProblem, node: Json, path: string, item: Identity | null): void {
    const sample = cutStorable(jsonText(node), sampleLength)
    this.result.refused.push({ seq: this.#seq(node), leaves: node.leaves, path, item, reason, sample })
  }

  #report(drift: Drift): void {
    const key = `${drift.kind} ${drift.path}`
    if (this.#drift.has(key) || this.#drift.size >= this.#maxDrift) return
    this.#drift.add(key)
    this.result.drift.push(drift)
  }

  #seq(node: Json): number {
    return node.seq - this.#first
  }
}

/** What was above an entry when it was last read, and its path below that. */
const lastPaths = new WeakMap<Entry, { prefix: string; path: string }>()

/** Payloads of a source have the same paths: one text for all is made, hashed and kept once. */
function pathOfEntry(entry: Entry, prefix: string, key: string): string {
  const last = lastPaths.get(entry)
  if (last?.prefix === prefix) return last.path
  const path = pathOf(prefix, key)
  lastPaths.set(entry, { prefix, path })
  return path
}

function isOnlyNulls(node: Json): boolean {
  return node.kind === 'list' && node.items.every(({ kind }) => kind === 'null')
}

function declaredType(entry: Entry): string {
  return entry.kind === 'value' ? entry.type : entry.kind
}

function foundKind(node: Json): string {
  return node.kind === 'list' && !node.flat ? 'list of objects' : node.kind
}
