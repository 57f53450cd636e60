import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { LRUCache } from 'lru-cache'
import { orAfter } from '#runtime/calls/deadline.ts'
import { type CompiledMap, compileMap, type LoadedMap } from '#runtime/understand/compile-map.ts'
import type { NormalizationMap } from '#schemas/generated/types.ts'

/** Every version of every map, by data source. One is compiled when it is first asked for. */
export type Maps = {
  add(row: NormalizationMap): void
  get(dataSourceId: number, version: number): LoadedMap | undefined
  /**
   * The map for a payload: exactly `version`, for which it waits, or with null the newest loaded one. The wait starts
   * when this process first misses that version; later payloads share it.
   */
  find(dataSourceId: number, version: number | null): Promise<LoadedMap | 'no-map' | 'map-missing'>
}

/** A version as it is kept: its text, compressed. `length`: of the text. */
type Kept = { hash: string; bytes: Buffer; length: number }
type Missing = { until: number; arrived: Promise<void>; arrive(): void }

type Options = {
  compile?: (content: string) => CompiledMap | null
  /** Text of the maps that stay compiled, in UTF-16 units. The least recently used are compiled again when needed. */
  maxCompiled?: number
}

/** A compiled map takes a few bytes of memory for each one of its text. A thousand sources have about this much. */
const defaultMaxCompiled = 24 * 1024 * 1024

export function createMaps(
  waitMs: number,
  { compile = compileMap, maxCompiled = defaultMaxCompiled }: Options = {},
): Maps {
  const sources = new Map<number, Map<number, Kept>>()
  const missing = new Map<string, Missing>()
  const compiledMaps = new LRUCache<string, LoadedMap>({ maxSize: maxCompiled })

  function missed(key: string): Missing {
    const known = missing.get(key)
    if (known) return known
    const { promise, resolve } = Promise.withResolvers<void>()
    const entry = { until: performance.now() + waitMs, arrived: promise, arrive: resolve }
    missing.set(key, entry)
    return entry
  }

  function get(dataSourceId: number, version: number): LoadedMap | undefined {
    const kept = sources.get(dataSourceId)?.get(version)
    if (!kept) return undefined
    const key = `${dataSourceId}/${version}/${kept.hash}`
    const known = compiledMaps.get(key)
    if (known) return known
    const map = { version, compiled: compile(inflateRawSync(kept.bytes).toString()) }
    // One that is larger than all that may stay is kept alone.
    compiledMaps.set(key, map, { size: Math.min(maxCompiled, kept.length) })
    return map
  }

  return {
    add({ data_source_id, version, content, content_hash: hash }) {
      const versions = sources.get(data_source_id) ?? new Map<number, Kept>()
      const bytes = deflateRawSync(content, { level: 1 })
      sources.set(data_source_id, versions.set(version, { hash, bytes, length: content.length + 1 }))
      const key = `${data_source_id}/${version}`
      missing.get(key)?.arrive()
      missing.delete(key)
    },
    get,
    async find(dataSourceId, version) {
      const versions = sources.get(dataSourceId)
      if (version === null) return versions ? get(dataSourceId, Math.max(...versions.keys()))! : 'no-map'
      const map = get(dataSourceId, version)
      if (map) return map
      const { until, arrived } = missed(`${dataSourceId}/${version}`)
      const ms = until - performance.now()
      if (ms <= 0) return 'map-missing'
      return orAfter(
        arrived.then(() => get(dataSourceId, version)!),
        ms,
        () => 'map-missing' as const,
      )
    },
  }
}
