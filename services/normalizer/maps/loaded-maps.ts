import { orAfter } from '#runtime/calls/deadline.ts'
import type { NormalizationMap } from '#schemas/generated/types.ts'
import { type CompiledMap, compileMap } from './compile-map.ts'

export type LoadedMap = { version: number; compiled: CompiledMap | null }

/** Every version of every map, compiled, by data source. */
export type Maps = {
  add(row: NormalizationMap): void
  get(dataSourceId: number, version: number): LoadedMap | undefined
  /**
   * The map for a payload: exactly `version`, for which it waits, or with null the newest loaded one. The wait starts
   * when this process first misses that version; later payloads share it.
   */
  find(dataSourceId: number, version: number | null): Promise<LoadedMap | 'no-map' | 'map-missing'>
}

type Missing = { until: number; arrived: Promise<LoadedMap>; arrive(map: LoadedMap): void }

export function createMaps(waitMs: number): Maps {
  const sources = new Map<number, Map<number, LoadedMap>>()
  const missing = new Map<string, Missing>()

  function missed(key: string): Missing {
    const known = missing.get(key)
    if (known) return known
    const { promise, resolve } = Promise.withResolvers<LoadedMap>()
    const entry = { until: performance.now() + waitMs, arrived: promise, arrive: resolve }
    missing.set(key, entry)
    return entry
  }

  return {
    add({ data_source_id, version, content }) {
      const map = { version, compiled: compileMap(content) }
      const versions = sources.get(data_source_id) ?? new Map<number, LoadedMap>()
      sources.set(data_source_id, versions.set(version, map))
      const key = `${data_source_id}/${version}`
      missing.get(key)?.arrive(map)
      missing.delete(key)
    },
    get: (dataSourceId, version) => sources.get(dataSourceId)?.get(version),
    async find(dataSourceId, version) {
      const versions = sources.get(dataSourceId)
      if (version === null) return versions?.get(Math.max(...versions.keys())) ?? 'no-map'
      const map = versions?.get(version)
      if (map) return map
      const { until, arrived } = missed(`${dataSourceId}/${version}`)
      const ms = until - performance.now()
      return ms > 0 ? orAfter(arrived, ms, () => 'map-missing' as const) : 'map-missing'
    },
  }
}
