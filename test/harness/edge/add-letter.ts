import { randomUUID } from 'node:crypto'
import { createCodec } from '../../../schemas/codec.ts'
import type { RawPayload } from '../../../schemas/generated/types.ts'
import { createRegistry } from '../../../schemas/registry.ts'
import { topics } from '../../../schemas/topics.ts'
import { waitFor } from '../wait-for.ts'
import type { TestEdge } from './setup.ts'

/** A payload of a source that the normalizer could not process, as the edge lists it. */
export async function addLetter(
  edge: TestEdge,
  source: number,
  raw_data: object,
): Promise<{ letter_no: number; event_id: string }> {
  const body = Buffer.from(JSON.stringify({ source_name: 'github', company_id: '1', raw_data }))
  const payload: RawPayload = {
    ...{ event_id: randomUUID(), received_at: Date.now(), observed_at: null, history: false, data_source_id: source },
    ...{ source_name: 'github', company_id: '1', task_id: 7, body, content_hash: 'x', map_version: 3, replay: null },
  }
  const { event_id } = payload
  const codec = createCodec(createRegistry(edge.env['SCHEMA_REGISTRY_URL'] ?? ''))
  const value = await codec.encode(topics.rawPayloads, edge.topics.prefix + topics.rawPayloads.name, payload)
  const headers = {
    event_id,
    '__dlq.reason': 'conflict',
    '__dlq.stage': 'store',
    '__dlq.errors.message': 'it was another one',
  }
  await edge.topics.produce(`${topics.rawPayloads.name}.normalizer.dlq`, [{ key: '1', value, headers }])
  const token = await edge.apiKey('operator')
  return waitFor(
    'the dead letter in the list',
    async () => {
      const { json } = await edge.call(`/api/v1/dead-letters?event=${event_id}`, { token })
      const [letter] = json['letters'] as { letter_no: number }[]
      return letter && { letter_no: letter.letter_no, event_id }
    },
    120_000,
  )
}
