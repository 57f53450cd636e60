import type { RawPayload } from '#schemas/generated/types.ts'
import { cutStorable, sampleLength } from '../read/json-text.ts'
import { type Json, type Limits, parse, type ParseProblem, type Structure } from '../read/parse.ts'
import { dayMs } from '../text/time.ts'
import type { CompiledMap, LoadedMap } from './compile-map.ts'
import type { Normalized } from './normalize.ts'

/** Why a whole payload is refused: the closed list of `normalizer.refused.reason` for payloads. */
export type PayloadProblem =
  | ParseProblem
  | 'company-id'
  | 'unknown-company'
  | 'unknown-source'
  | 'wrong-source'
  | 'no-raw-data'
  | 'observed-at'
  | 'no-map'
  | 'map-missing'
  | 'map-unusable'
  | 'conflict'

/** A payload that can be read by its map. `data`: its raw_data. */
export type Readable = { mapVersion: number; map: CompiledMap; data: Structure }
export type Understood = Readable & { normalized: Normalized }
export type PayloadRefused = { reason: PayloadProblem; message: string; sample: string; mapVersion: number | null }

export function reasonOf(result: Readable | PayloadRefused): PayloadProblem | null {
  return 'reason' in result ? result.reason : null
}

export type UnderstandOptions = Limits & { OLDEST_OBSERVED_AT: string }

/** A day: clocks differ, and the edge already limits this to five minutes. */
const maxAheadMs = dayMs

/**
 * A payload with its map, or why it is refused as a whole. The store checks that company and source exist, and knows
 * the items of lists. Never throws.
 */
export function understand(
  payload: RawPayload,
  map: LoadedMap | 'no-map' | 'map-missing',
  options: UnderstandOptions,
): Readable | PayloadRefused {
  const mapVersion = typeof map === 'string' ? null : map.version
  const refuse = (reason: PayloadProblem, message: string, sample = ''): PayloadRefused => {
    return { reason, message, sample: cutStorable(sample, sampleLength), mapVersion }
  }
  if (!/^(0|-?[1-9]\d*)$/.test(payload.company_id))
    return refuse('company-id', 'its company id is not an integer', payload.company_id)
  if (!isPlausible(payload, options.OLDEST_OBSERVED_AT))
    return refuse(
      'observed-at',
      (payload.observed_at as number) > payload.received_at
        ? 'observed_at is more than a day after it was received'
        : `observed_at is before ${options.OLDEST_OBSERVED_AT}`,
      String(payload.observed_at),
    )
  const text = decodeUtf8(payload.body)
  if (text === null)
    return refuse('unparsable', 'the body is not UTF-8', payload.body.toString('latin1', 0, sampleLength))
  // The body adds one level around raw_data, and a few members.
  const parsed = parse(text, { MAX_LEAVES: options.MAX_LEAVES + 10, MAX_DEPTH: options.MAX_DEPTH + 1 })
  if (parsed.problem) return refuse(parsed.problem, parsed.message, text)
  const source = memberOf(parsed.root, 'source_name')
  if (source?.kind === 'text' && source.value !== payload.source_name)
    return refuse('wrong-source', `the body names the source ${cutStorable(source.value, 60)}`, source.value)
  const data = memberOf(parsed.root, 'raw_data')
  if (data?.kind !== 'object') return refuse('no-raw-data', 'the body has no object raw_data', text)
  if (data.leaves > options.MAX_LEAVES) return refuse('too-many-leaves', `more than ${options.MAX_LEAVES} values`, text)
  if (map === 'no-map') return refuse('no-map', 'its data source has no normalization map')
  if (map === 'map-missing')
    return refuse('map-missing', `version ${versionOf(payload)} of the normalization map did not arrive`)
  if (!map.compiled) return refuse('map-unusable', `version ${map.version} of the normalization map is not a valid map`)
  return { mapVersion: map.version, map: map.compiled, data: data as Structure }
}

/** The map version a payload names; null for the newest. */
export function versionOf({ map_version, replay }: RawPayload): number | null {
  return replay ? replay.map_version : map_version
}

function isPlausible({ observed_at, received_at }: RawPayload, oldest: string): boolean {
  return observed_at === null || (observed_at >= Date.parse(oldest) && observed_at <= received_at + maxAheadMs)
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function decodeUtf8(body: Buffer): string | null {
  try {
    return utf8.decode(body)
  } catch {
    return null
  }
}

function memberOf(root: Json, name: string): Json | undefined {
  return root.kind === 'object'
    ? root.members.find(({ key, overridden }) => key === name && !overridden)?.value
    : undefined
}
