import { isRecord } from '../read/try-json.ts'
import type { Transaction } from '../postgres/database.ts'
import { registerMeasurement } from './register-measurement.ts'

/**
 * The map with an id in every entry, as JSON text: entries that have none get the measurement of their name below that of
 * their parent, which is registered if there is none, as a module does in its handshake. The map is one that `readMap`
 * takes.
 */
export async function completeMap(tx: Transaction, sourceId: number, content: string): Promise<string> {
  const map = JSON.parse(content) as { Mappings: unknown[] }
  if (!(await completeLevel(tx, sourceId, map.Mappings, null))) return content
  return JSON.stringify(map)
}

/** Whether an entry got an id. */
async function completeLevel(
  tx: Transaction,
  sourceId: number,
  entries: readonly unknown[],
  parentId: number | null,
): Promise<boolean> {
  let isChanged = false
  for (const entry of entries) {
    if (!isRecord(entry)) continue
    const { source_measurement_id: given, MeasurementName: name, DataType: type } = entry
    if ((given === undefined || given === null) && typeof name === 'string' && typeof type === 'string') {
      const { id } = await registerMeasurement(tx, { sourceId, parentId, name, type: type.toLowerCase() })
      entry.source_measurement_id = id
      isChanged = true
    }
    if (!Array.isArray(entry.NestedMappings)) continue
    const id = Number(entry.source_measurement_id)
    if (await completeLevel(tx, sourceId, entry.NestedMappings, Number.isInteger(id) ? id : null)) isChanged = true
  }
  return isChanged
}
