import { pathOf } from '../read/json-text.ts'
import { isRecord, tryJson } from '../read/try-json.ts'

/** An entry of a map as its text has it. `path`: without list marks. `id` null: it has none. */
export type MapEntry = { path: string; id: number | null; type: string; name: string; itemKey: string | null }

/** All entries of a map, given as JSON text, in its order. Of two for one field on one level, the last one counts. */
export function listEntries(content: string): MapEntry[] {
  const map = tryJson(content)
  const mappings = isRecord(map) ? map.Mappings : null
  const all = Array.isArray(mappings) ? listLevel(mappings, '', 0) : []
  return [...new Map(all.map((entry) => [entry.path, entry])).values()]
}

const maxLevels = 100

function listLevel(entries: readonly unknown[], prefix: string, depth: number): MapEntry[] {
  return entries.flatMap((entry): MapEntry[] => {
    if (!isRecord(entry) || typeof entry.SourceField !== 'string') return []
    const path = pathOf(prefix, entry.SourceField)
    const { DataType: type, MeasurementName: name, ItemKey: itemKey, NestedMappings: nested } = entry
    const id = Number(entry.source_measurement_id ?? NaN)
    const own = {
      path,
      id: Number.isInteger(id) ? id : null,
      type: typeof type === 'string' ? type.trim().toLowerCase() : '',
      name: typeof name === 'string' ? name : path,
      itemKey: typeof itemKey === 'string' ? itemKey : null,
    }
    const below = own.type === 'nested' && Array.isArray(nested) && depth < maxLevels ? nested : []
    return [own, ...listLevel(below, path, depth + 1)]
  })
}
