import { type Codec, createCodec } from '../../schemas/codec.ts'
import type { RawPayload } from '../../schemas/generated/types.ts'
import { createRegistry } from '../../schemas/registry.ts'
import { topics } from '../../schemas/topics.ts'
import type { Measure, Result } from './measure.ts'

const roundMs = 1000
const bodyBytes = 4096

export function samplePayload(bytes: number): RawPayload {
  return {
    event_id: '8517922a-a7f2-537f-895f-9e49f6bed872',
    received_at: Date.UTC(2026, 0, 1),
    observed_at: null,
    history: false,
    data_source_id: 1,
    source_name: 'bench',
    company_id: '1',
    task_id: 1,
    body: Buffer.alloc(bytes, 'x'),
    content_hash: 'f'.repeat(64),
    map_version: null,
    replay: null,
  }
}

/** Encoding and decoding of a raw payload on one core, everything cached. */
export const codec: Measure = async ({ env }) => {
  const own = createCodec(createRegistry(env().SCHEMA_REGISTRY_URL ?? ''))
  const value = samplePayload(bodyBytes)
  const { name } = topics.rawPayloads
  const bytes = await own.encode(topics.rawPayloads, name, value)
  return [
    await rate('encode', () => own.encode(topics.rawPayloads, name, value)),
    await rate('decode', () => own.decode(topics.rawPayloads, bytes)),
  ]
}

async function rate(what: keyof Codec, work: () => Promise<unknown>): Promise<Result> {
  const run = async (ms: number) => {
    let count = 0
    const startedAt = performance.now()
    while (performance.now() - startedAt < ms) for (let n = 0; n < 100; n++, count++) await work()
    return (count * 1000) / (performance.now() - startedAt)
  }
  await run(roundMs / 4)
  const value = await run(roundMs)
  return { what: `codec, ${what}`, value, unit: 'records/s', detail: `raw payloads of ${bodyBytes} bytes`, below: null }
}
