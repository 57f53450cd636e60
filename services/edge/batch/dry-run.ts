import { setImmediate as turn } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { type CompiledMap, compileMap, type LoadedMap } from '#runtime/understand/compile-map.ts'
import { describePayload } from '#runtime/understand/describe-payload.ts'
import { normalize } from '#runtime/understand/normalize.ts'
import { payloadRemedies } from '#runtime/understand/remedies.ts'
import { understand, type UnderstandOptions } from '#runtime/understand/understand.ts'
import type { RawPayload } from '#schemas/generated/types.ts'
import type { Source } from '../access/sources.ts'
import type { Bounded } from '../http/deadline.ts'
import type { Understood } from './describe-payloads.ts'

/**
 * What the normalizer would make of payloads of a source, in their order, by the map in force. Writes nothing.
 * `addsCompany`: their company would be added when they are sent.
 */
export type DryRun = (source: Source, payloads: readonly Trial[]) => Promise<Understood[]>

type Trial = { payload: RawPayload; addsCompany: boolean }

const keptMaps = 10
/** Of each list in a description. `counts` counts all. */
const maxShown = 1000

type Facts = {
  map: LoadedMap | 'no-map' | 'map-missing'
  measurements: ReadonlySet<number>
  companies: ReadonlySet<string>
}

/** List items are told apart as if the source's lists came for the first time: what the normalizer has learnt is its own. */
export function openDryRun(database: Database, bounded: Bounded, options: UnderstandOptions): DryRun {
  const compiled = new LRUCache<string, { map: CompiledMap | null }>({ max: keptMaps })

  async function readMap({ id, map_version: version }: Source): Promise<Facts['map']> {
    if (version === null) return 'no-map'
    const key = `${id}/${version}`
    const kept = compiled.get(key)
    if (kept) return { version, compiled: kept.map }
    const content = await bounded(
      database.maybeOneFirst(sql.type(z.object({ content: z.string() }))`
        SELECT content FROM edge.normalization_map WHERE data_source_id = ${id} AND version = ${version}`),
    )
    if (content === null) return 'map-missing'
    const map = compileMap(content)
    compiled.set(key, { map })
    return { version, compiled: map }
  }

  return async (source, payloads) => {
    const ids = payloads.map(({ payload }) => payload.company_id).filter((id) => /^[1-9]\d{0,8}$/.test(id))
    const [map, measurements, companies] = await Promise.all([
      readMap(source),
      bounded(
        database.anyFirst(sql.type(idRow)`
        SELECT id FROM public.source_measurement WHERE source_module_id = ${source.id}`),
      ),
      bounded(
        database.anyFirst(sql.type(idRow)`
        SELECT id FROM public.company WHERE id = ANY(${sql.array(ids.map(Number), 'int4')})`),
      ),
    ])
    const facts = { map, measurements: new Set(measurements), companies: new Set(companies.map(String)) }
    const described: Understood[] = []
    for (const trial of payloads) {
      // Other callers are answered in between.
      await turn()
      described.push(describe(trial, facts, options))
    }
    return described
  }
}

const idRow = z.object({ id: z.number() })

function describe({ payload, addsCompany }: Trial, facts: Facts, options: UnderstandOptions): Understood {
  const { map, measurements, companies } = facts
  const read = understand(payload, map, options)
  const whole = (reason: keyof typeof payloadRemedies, message: string): Understood => ({
    map_version: typeof map === 'string' ? null : map.version,
    refused_as_a_whole: { reason, message, remedy: payloadRemedies[reason] },
  })
  if ('reason' in read) return whole(read.reason as keyof typeof payloadRemedies, read.message)
  if (!addsCompany && !companies.has(payload.company_id))
    return whole('unknown-company', `no company has the id ${payload.company_id}`)
  const normalized = normalize(read.data, read.map)
  const lost = new Set(normalized.values.filter(({ entry }) => !measurements.has(entry.id)))
  const {
    counts,
    stored,
    null: nulls,
    unmapped,
    refused,
    lists,
  } = describePayload(read.data, read.map, normalized, { lost })
  return {
    map_version: read.mapVersion,
    refused_as_a_whole: null,
    counts,
    ...{ stored: stored.slice(0, maxShown), null: nulls.slice(0, maxShown), unmapped: unmapped.slice(0, maxShown) },
    ...{ refused: refused.slice(0, maxShown), lists: lists.slice(0, maxShown) },
  }
}
