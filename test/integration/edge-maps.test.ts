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

test('parma maps publish brings back what the topic has lost, as it was', async () => {
  const edge = await startEdge()
  const map = { Source: 'github', Mappings: [] as object[] }
  const module = await serve(
    (_, response) => void response.end(JSON.stringify({ frequency: 'daily', normalization_map: map })),
  )
  const shake = async (name: string, versions: number) => {
    const id = await edge.addSource(name, module)
    for (let version = 1; version <= versions; version++) {
      map.Mappings.push({ SourceField: 'a', DataType: 'int', MeasurementName: 'é', source_measurement_id: version })
      expect((await edge.handshake(module, id)).status).toBe(200)
    }
    return id
  }
  const [github, other] = [await shake('github', 3), await shake('other', 1)]
  // A handshake whose map Kafka did not confirm.
  await edge.database.query(
    `INSERT INTO edge.normalization_map (data_source_id, version, content_hash, content) VALUES ($1, 2, 'b', '{}')`,
    [other],
  )
  const topic = topics.normalizationMaps.name
  const read = async () =>
    (await edge.topics.read(topic)).map(({ key, value }) => ({ key, value: value?.toString('hex') }))
  const publish = async (...args: string[]) =>
    JSON.parse(await edge.parma('maps', 'publish', ...args, '--json')) as object
  const before = await read()
  expect(await publish()).toEqual({ published: 0, on_topic: 4 })

  const lost = [`${github}/1`, `${github}/3`, `${other}/1`]
  await edge.topics.produce(
    topic,
    lost.map((key) => ({ key, value: null })),
  )
  expect(await publish('--dry-run')).toMatchObject([
    { source: 'github', version: 1 },
    { source: 'github', version: 3 },
    { source: 'other', version: 1 },
  ])
  expect(await edge.parma('maps', 'publish', '--source', 'github')).toContain(
    'published 2 versions of maps again; 1 was',
  )
  expect(await publish()).toEqual({ published: 1, on_topic: 3 })
  expect(await publish()).toEqual({ published: 0, on_topic: 4 })
  const newest = new Map((await read()).map(({ key, value }) => [key, value]))
  expect(newest).toEqual(new Map(before.map(({ key, value }) => [key, value])))
})
