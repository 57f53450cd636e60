import { expect, test } from 'vitest'
import { topics } from '../../schemas/topics.ts'
import { startEdge } from '../harness/edge/setup.ts'
import { serve } from '../harness/serve.ts'
import { waitFor } from '../harness/wait-for.ts'

test('a payload asks for the newest map that Kafka has confirmed, as soon as the handshake has responded', async () => {
  const edge = await startEdge()
  const map = { Source: 'github', Mappings: [] as object[] }
  const module = await serve(
    (_, response) => void response.end(JSON.stringify({ frequency: 'daily', normalization_map: map })),
  )
  const source = await edge.addSource('github', module)
  const token = await edge.token(source)
  const shake = () => edge.handshake(module, source)
  let fed = 0
  async function versionOfFeed(): Promise<number | null> {
    const body = { source_name: 'github', company_id: '1', raw_data: { fed: fed++ } }
    const { status, json } = await edge.call('/feed-raw-data', { token, body })
    expect(status).toBe(201)
    const record = await waitFor('the record', async () =>
      (await edge.records(topics.rawPayloads)).find(({ decoded }) => decoded.event_id === json['document_id']),
    )
    return record.decoded.map_version
  }

  expect(await versionOfFeed()).toBe(null)
  expect((await shake()).status).toBe(200)
  expect(await versionOfFeed()).toBe(1)
  map.Mappings.push({ SourceField: 'a', DataType: 'int', MeasurementName: 'a', source_measurement_id: 1 })
  expect((await shake()).status).toBe(200)
  expect(await versionOfFeed()).toBe(2)

  // The state after a handshake whose map the broker did not confirm.
  const other = await edge.addSource('other', module)
  await edge.database.query(
    `INSERT INTO edge.normalization_map (data_source_id, version, content_hash, content, published_at)
     VALUES ($1, 1, 'a', '{}', now()), ($1, 2, 'b', '{}', NULL)`,
    [other],
  )
  const answer = await edge.call('/feed-raw-data', {
    token: await edge.token(other),
    body: { source_name: 'other', company_id: '1', raw_data: {} },
  })
  const [record] = (await edge.records(topics.rawPayloads)).filter(
    ({ decoded }) => decoded.event_id === answer.json['document_id'],
  )
  expect(record?.decoded.map_version).toBe(1)
})
