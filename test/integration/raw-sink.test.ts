import { createHash, randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import type { NormalizationMap, RawPayload } from '../../schemas/generated/types.ts'
import { createCodec } from '../../schemas/codec.ts'
import { createRegistry } from '../../schemas/registry.ts'
import { type Topic, topics } from '../../schemas/topics.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { plain, type Proxy, startProxy } from '../harness/proxy.ts'
import type { StartedService } from '../harness/service.ts'
import { waitFor } from '../harness/wait-for.ts'

let installation: Installation
let service: StartedService
/** Between the service and Firestore. */
let proxy: Proxy

beforeAll(async () => {
  installation = await createInstallation()
  proxy = await startProxy(installation.env.FIRESTORE_EMULATOR_HOST ?? '', plain)
  service = await installation.start('raw-sink', { FIRESTORE_EMULATOR_HOST: proxy.address })
})

function payloadOf(body: Buffer | string, changes: Partial<RawPayload> = {}): RawPayload {
  const bytes = Buffer.from(body)
  return {
    event_id: randomUUID(),
    received_at: Date.parse('2026-11-23T22:22:01.988Z'),
    observed_at: Date.parse('2026-11-01T00:00:00Z'),
    history: true,
    data_source_id: 3,
    source_name: 'github',
    company_id: '1',
    task_id: 7,
    body: bytes,
    content_hash: createHash('sha256').update(bytes).digest('hex'),
    map_version: null,
    replay: null,
    ...changes,
  }
}

const bodyOf = (rawData: unknown) => JSON.stringify({ source_name: 'github', company_id: '1', raw_data: rawData })

async function send<T>(topic: Topic<T>, ...values: T[]): Promise<void> {
  const { env, topics: own } = installation
  const codec = createCodec(createRegistry(env.SCHEMA_REGISTRY_URL ?? ''))
  const encoded = await Promise.all(values.map((value) => codec.encode(topic, own.prefix + topic.name, value)))
  for (const value of encoded) await own.produce(topic.name, [{ key: '1', value, partition: 0 }])
}

async function documentOf({ source_name, event_id }: RawPayload) {
  const ref = installation.firestore.client.doc(`parma/mining/datasource/${source_name}/raw_data/${event_id}`)
  return waitFor(`document ${event_id}`, async () => {
    const snapshot = await ref.get()
    return snapshot.exists ? { ref, data: snapshot.data() as Record<string, unknown> } : null
  })
}

async function bodyIn({ ref, data }: Awaited<ReturnType<typeof documentOf>>): Promise<Buffer> {
  const ids = Array.from({ length: data.body_parts as number }, (_, index) => String(index + 1))
  const parts = await Promise.all(ids.map((id) => ref.collection('parts').doc(id).get()))
  return Buffer.concat(parts.map((part) => part.get('bytes') as Buffer))
}

/** Dead letters whose message holds `text`, once there are `count`. */
async function deadLetters(text: string, count = 1) {
  return waitFor(`${count} dead letters about ${text}`, async () => {
    const records = await installation.topics.read(`${topics.rawPayloads.name}.raw-sink.dlq`)
    const found = records.filter(({ headers }) => headers['__dlq.errors.message']?.includes(text))
    return found.length >= count && found.map(({ headers }) => headers['__dlq.reason'])
  })
}

test("parma-web's export returns whole documents", async () => {
  const payload = payloadOf(bodyOf({ name: 'langfuse', repos: [{ stars: 5 }] }))
  await send(topics.rawPayloads, payload)
  await documentOf(payload)
  const collection = installation.firestore.client.collection('parma/mining/datasource/github/raw_data')
  const found = await collection.where('company_id', '==', '1').get()
  expect(found.docs.map((document) => document.data())).toContainEqual({
    mining_trigger: '',
    status: 'success',
    company_id: '1',
    data: { name: 'langfuse', repos: [{ stars: 5 }] },
    data_truncated: false,
    data_error: null,
    body_bytes: payload.body.length,
    body_parts: 1,
    content_hash: payload.content_hash,
    event_id: payload.event_id,
    data_source_id: 3,
    task_id: 7,
    map_version: null,
    received_at: expect.objectContaining({ _seconds: Math.floor(payload.received_at / 1000) }) as unknown,
    observed_at: expect.objectContaining({ _seconds: (payload.observed_at ?? 0) / 1000 }) as unknown,
    history: true,
  })
  const sources = await installation.firestore.client.collection('parma/mining/datasource').listDocuments()
  expect(sources.map(({ id }) => id)).toContain('github')
})

describe('whatever the body is, its bytes are kept', () => {
  const deep = (levels: number) => `${'{"a":['.repeat(levels)}1${']}'.repeat(levels)}`
  const items = Array.from({ length: 30_000 }, (_, n) => ({ id: n, name: `item ${n}`.padEnd(200), tags: ['a', 'b'] }))
  const tiny = Array.from({ length: 2_700_000 }, () => ({}))
  test.each<[string, string | Buffer, boolean]>([
    [
      'nested arrays, deep levels, illegal names',
      `{"raw_data": {"a": [[1]], "b": ${deep(500)}, "": 1, "__x__": 2, "__proto__": 3}}`,
      true,
    ],
    [
      'NUL, half surrogate pairs, right-to-left marks',
      '{"raw_data": {"a\\u0000": "\\u0000", "b": "\\ud800", "\\udfff": "\\u200f"}}',
      true,
    ],
    [
      'numbers that a double cannot hold',
      '{"raw_data": {"a": 9007199254740993, "b": 1e400, "c": -0, "d": 12345678901234567890}}',
      true,
    ],
    ['a name of 2,000 bytes', `{"raw_data": {"${'k'.repeat(2000)}": 1}}`, true],
    ['malformed JSON', '{"raw_data": {', false],
    ['malformed UTF-8', Buffer.from([0x7b, 0xff, 0x00]), false],
    ['no raw_data', '{}', false],
    ['900 kB of text', bodyOf({ text: 'é'.repeat(450_000) }), true],
    ['8 MiB of small items', bodyOf({ items }).padEnd(8 * 1024 * 1024), true],
    ['8 MiB of empty objects', bodyOf({ tiny }), false],
    ['8 MiB of numbers', bodyOf(Array.from({ length: 1000 }, () => 7)).padEnd(8 * 1024 * 1024), false],
  ])('%s', async (_what, body, hasData) => {
    const payload = payloadOf(body)
    await send(topics.rawPayloads, payload)
    const document = await documentOf(payload)
    expect(payload.body.equals(await bodyIn(document))).toBe(true)
    expect(Object.keys(document.data.data as object).length > 0).toBe(hasData)
    expect(document.data.data_error === null).toBe(hasData)
  })
})

test('a payload that comes again, as a retry or a replay, changes nothing; other content under its id is a dead letter', async () => {
  const first = payloadOf(bodyOf({ n: 1 }), { source_name: 'again' })
  const replay = { replay_id: randomUUID(), reason: 'test', map_version: 2 }
  const other = payloadOf(bodyOf({ n: 2 }), { source_name: 'again', event_id: first.event_id })
  const last = payloadOf(bodyOf({ n: 3 }), { source_name: 'again' })
  await send(topics.rawPayloads, first)
  await documentOf(first)
  await send(topics.rawPayloads, first, { ...first, map_version: 2, replay }, other, last)
  expect(await deadLetters(first.event_id)).toEqual(['conflict'])
  expect((await documentOf(last)).data).toMatchObject({ data: { n: 3 } })
  expect((await documentOf(first)).data).toMatchObject({ data: { n: 1 }, map_version: null })
})

test('a large body that comes again with other content leaves the first whole', async () => {
  const first = payloadOf(bodyOf({ text: 'a'.repeat(1_200_000) }))
  const other = payloadOf(bodyOf({ text: 'b'.repeat(1_200_000) }), { event_id: first.event_id })
  await send(topics.rawPayloads, first)
  await documentOf(first)
  await send(topics.rawPayloads, other)
  expect(await deadLetters(first.event_id)).toEqual(['conflict'])
  expect((await bodyIn(await documentOf(first))).equals(first.body)).toBe(true)
})

test('a part that a process wrote before it died is completed; of other content it is a dead letter', async () => {
  const [half, other] = [payloadOf(bodyOf({ n: 1 })), payloadOf(bodyOf({ n: 2 }))]
  const collection = installation.firestore.client.collection('parma/mining/datasource/github/raw_data')
  const part = (payload: RawPayload) => collection.doc(payload.event_id).collection('parts').doc('1')
  await part(half).set({ bytes: half.body, content_hash: half.content_hash })
  await part(other).set({ bytes: half.body, content_hash: half.content_hash })
  await send(topics.rawPayloads, other, half)
  expect((await bodyIn(await documentOf(half))).equals(half.body)).toBe(true)
  expect(await deadLetters(other.event_id)).toEqual(['conflict'])
  expect((await collection.doc(other.event_id).get()).exists).toBe(false)
})

test('a name that cannot be a collection is a dead letter, and its neighbours are stored', async () => {
  const neighbour = payloadOf(bodyOf({ n: 1 }))
  const [slash, reserved] = ['a/b', '__x__'].map((source_name) => payloadOf('{}', { source_name })) as [
    RawPayload,
    RawPayload,
  ]
  await send(topics.rawPayloads, slash, reserved, neighbour)
  await documentOf(neighbour)
  expect(await deadLetters('source_name "a/b"')).toEqual(['invalid'])
  expect(await deadLetters('source_name "__x__"')).toEqual(['invalid'])
})

test('a map is stored under the name of its data source', async () => {
  const content =
    '{"Source": "GitHub Inc", "Mappings": [{"SourceField": "name", "DataType": "text", "source_measurement_id": 1}]}'
  const map: NormalizationMap = {
    event_id: randomUUID(),
    data_source_id: 3,
    source_name: 'github',
    version: 1,
    content,
    content_hash: createHash('sha256').update(content).digest('hex'),
    received_at: Date.now(),
  }
  await send(topics.normalizationMaps, map, map)
  const ref = installation.firestore.client.doc(`parma/mining/datasource/github/normalization_schema/${map.event_id}`)
  const stored = await waitFor('the map', async () => (await ref.get()).data())
  expect(stored).toMatchObject({ schema: JSON.parse(content) as object, version: 1, content_hash: map.content_hash })
})

test('a connection to Firestore that falls silent holds up payloads for less than a minute', async () => {
  const [before, after] = [payloadOf(bodyOf('before the silence')), payloadOf(bodyOf('after the silence'))]
  await send(topics.rawPayloads, before)
  await documentOf(before)
  proxy.silence()
  await send(topics.rawPayloads, after)
  await documentOf(after)
})

test('ends in order, everything committed, while somebody asks whether it is ready', async () => {
  let hasEnded = false
  const ended = service.stop().finally(() => (hasEnded = true))
  while (!hasEnded) await fetch(`${service.healthUrl}/readyz`).catch(() => undefined)
  expect(await ended).toBe(0)
  expect(service.logs()).not.toContain('stop_failed')
})
