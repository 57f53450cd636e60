import type { Entry } from './map.ts'

/** Registers one measurement and returns its id. */
export type Register = (measurement: {
  source_module_id: number
  type: string
  measurement_name: string
  parent_measurement_id?: number
}) => Promise<number>

/**
 * Registers the entries one after the other, parents before their children, and returns them with their measurement
 * ids.
 */
export async function registerAll(
  entries: Entry[],
  sourceId: number,
  register: Register,
  parent?: number,
): Promise<Entry[]> {
  const registered: Entry[] = []
  for (const { NestedMappings, ...entry } of entries) {
    const id = await register({
      source_module_id: sourceId,
      type: entry.DataType,
      measurement_name: entry.MeasurementName,
      ...(parent !== undefined && { parent_measurement_id: parent }),
    })
    registered.push({
      ...entry,
      source_measurement_id: id,
      ...(NestedMappings && { NestedMappings: await registerAll(NestedMappings, sourceId, register, id) }),
    })
  }
  return registered
}
