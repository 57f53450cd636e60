import { isRecord, tryJson } from '../read/try-json.ts'
import { type ValueType, valueTypes } from '../read/coerce.ts'
import { cutStorable, isStorable, pathOf } from '../read/json-text.ts'
import { countJsonValues } from '../text/count-json-values.ts'
import { formatNumber } from '../text/format.ts'

/** An entry of a map as the payload walk needs it. */
export type Entry = ValueEntry | NestedEntry | FaultyEntry
export type ValueEntry = { kind: 'value'; id: number; type: ValueType; name: string }
/** `id` null: the entry itself is faulty, its children are not. */
export type NestedEntry = { kind: 'nested'; id: number | null; name: string; itemKey: string | null; level: Level }
/** Values at its path are refused with this reason. */
type FaultyEntry = { kind: 'faulty'; reason: MapProblem }

/** Entries of one level by SourceField. A nested name is looked up only below its own parent. */
export type Level = ReadonlyMap<string, Entry>

export type MapProblem = 'no-measurement-id' | 'doubled-measurement-id' | 'unknown-type' | 'bad-entry'

/** Something in a map that is wrong or questionable. `path` as in pathOf, without list marks. */
type MapFault = { path: string; message: string }

export type CompiledMap = {
  root: Level
  /** Measurement names by source_measurement_id. */
  names: ReadonlyMap<number, string>
  faults: MapFault[]
}

/** A version of a map. `compiled` null: it is not a map at all. */
export type LoadedMap = { version: number; compiled: CompiledMap | null }

const maxLevels = 100
const maxNameLength = 500
/** The edge accepts 10,000 entries. Counted before anything is parsed, because memory goes by values. */
const maxValues = 500_000

/**
 * Checks and compiles a normalization map (contract section 5), given as JSON text. A wrong entry costs only itself and
 * is reported in `faults`, the first 100 of them. Null if the text is not a map at all. Never throws.
 */
export function compileMap(content: string): CompiledMap | null {
  if (countJsonValues(Buffer.from(content)) > maxValues) return null
  const map = tryJson(content)
  const mappings = isRecord(map) ? (map.Mappings ?? []) : null
  if (!Array.isArray(mappings)) return null
  const names = new Map<number, string>()
  const faults: MapFault[] = []
  const root = compileLevel(mappings, '', 1, names, faults)
  return { root, names, faults: faults.length > maxFaults ? shortened(faults) : faults }
}

/** Each fault of a map is reported to people. */
const maxFaults = 100

function shortened(faults: readonly MapFault[]): MapFault[] {
  const more = formatNumber(faults.length - maxFaults)
  return [...faults.slice(0, maxFaults), { path: '…', message: `${more} more faults are not listed` }]
}

function compileLevel(
  entries: unknown[],
  prefix: string,
  depth: number,
  names: Map<number, string>,
  faults: MapFault[],
): Level {
  const level = new Map<string, Entry>()
  for (const [index, given] of entries.entries()) {
    const entry = isRecord(given) ? given : {}
    const field = entry.SourceField
    if (typeof field !== 'string') {
      faults.push({ path: pathOf(prefix, String(index)), message: 'an entry has no SourceField' })
      continue
    }
    const path = pathOf(prefix, field)
    const fault = (message: string) => void faults.push({ path, message })
    // As in the predecessor, the later of two entries for one field counts.
    if (level.has(field)) fault('two entries for this field on one level; the last one counts')
    level.set(field, compileEntry(entry, path, depth, names, faults, fault))
  }
  return level
}

function compileEntry(
  entry: Record<string, unknown>,
  path: string,
  depth: number,
  names: Map<number, string>,
  faults: MapFault[],
  fault: (message: string) => void,
): Entry {
  const name = typeof entry.MeasurementName === 'string' ? cutStorable(entry.MeasurementName, maxNameLength) : path
  const type = typeof entry.DataType === 'string' ? entry.DataType.trim().toLowerCase() : ''
  const id = readId(entry.source_measurement_id, fault)
  const problem = id === null ? 'no-measurement-id' : names.has(id) ? 'doubled-measurement-id' : null
  if (problem === 'doubled-measurement-id')
    fault(`source_measurement_id ${id} is already used for ${names.get(id as number)}`)
  if (id !== null && !problem) names.set(id, name)

  if (type === 'nested') {
    const children = entry.NestedMappings ?? []
    if (!Array.isArray(children) || depth >= maxLevels) {
      fault(Array.isArray(children) ? `nested deeper than ${maxLevels} levels` : 'NestedMappings is not a list')
      return { kind: 'faulty', reason: 'bad-entry' }
    }
    const given = typeof entry.ItemKey === 'string' ? entry.ItemKey : null
    const itemKey = given !== null && isStorable(given) ? given : null
    if (itemKey !== given) fault('ItemKey has NUL or half of a surrogate pair; it is ignored')
    const level = compileLevel(children, path, depth + 1, names, faults)
    return { kind: 'nested', id: problem ? null : id, name, itemKey, level }
  }
  if (!valueTypes.includes(type as ValueType)) {
    fault(`unknown DataType ${show(entry.DataType ?? null)}; use ${valueTypes.join(', ')} or nested`)
    return { kind: 'faulty', reason: 'unknown-type' }
  }
  if (Array.isArray(entry.NestedMappings) && entry.NestedMappings.length > 0)
    fault(`NestedMappings below type ${type} are ignored`)
  return problem || id === null
    ? { kind: 'faulty', reason: problem ?? 'no-measurement-id' }
    : { kind: 'value', id, type: type as ValueType, name }
}

/** A positive int4, also as decimal text, which old modules send. */
function readId(given: unknown, fault: (message: string) => void): number | null {
  const isText = typeof given === 'string' && /^\d{1,10}$/.test(given)
  const id = isText ? Number(given) : given
  if (typeof id === 'number' && Number.isInteger(id) && id > 0 && id < 2 ** 31) {
    if (isText) fault('source_measurement_id is text; it is read as a number')
    return id
  }
  fault(given === undefined ? 'source_measurement_id is missing' : `source_measurement_id ${show(given)} is not an id`)
  return null
}

/** Lists and objects are shown by kind only, since they may be deep. */
function show(given: unknown): string {
  return Array.isArray(given) ? '[…]' : isRecord(given) ? '{…}' : cutStorable(JSON.stringify(given), 60)
}
