import { randomUUID } from 'node:crypto'
import { createServer, type AddressInfo } from 'node:net'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { RegistryError } from '../../schemas/ask-registry.ts'
import { listSchemas, parseSchema, readSchema } from '../../schemas/avro.ts'
import { createCodec, DecodeError } from '../../schemas/codec.ts'
import { readGoldens } from '../../schemas/golden.ts'
import { applySubject, createRegistry, planSubject, RefusedError } from '../../schemas/registry.ts'
import { allTopics, subjectOf, topics } from '../../schemas/topics.ts'
import { createWriter } from '../../schemas/write-value.ts'
import { stackEnv } from '../harness/stack.ts'

const topic = topics.rawPayloads
let url: string
let prefix: string
let topicName: string

beforeEach(() => {
  url = stackEnv().SCHEMA_REGISTRY_URL ?? ''
  prefix = `${randomUUID()}.`
  topicName = `${prefix}${topic.name}`
})

type Field = { name: string; type: unknown; default?: unknown }

/** The schema of raw payloads with other fields, as another release may have it. */
function otherSchema(change: (fields: Field[]) => Field[]): string {
  const schema = JSON.parse(readSchema(topic.schema)) as { fields: Field[] }
  return JSON.stringify({ ...schema, fields: change(schema.fields) })
}

async function send(method: string, path: string, body: object): Promise<Record<string, unknown>> {
  const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' }
  const response = await fetch(`${url}${path}`, { method, headers, body: JSON.stringify(body) })
  expect(response.status).toBe(200)
  return (await response.json()) as Record<string, unknown>
}

/** Registers a schema that is not ours, and returns its id. */
async function register(subject: string, schema: string, schemaType = 'AVRO'): Promise<number> {
  return Number((await send('POST', `/subjects/${subject}/versions`, { schema, schemaType }))['id'])
}

async function setCompatibility(subject: string): Promise<void> {
  await send('PUT', `/config/${subject}`, { compatibility: 'BACKWARD_TRANSITIVE' })
}

/** An address at which nothing listens. */
async function closedAddress(): Promise<string> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return `http://127.0.0.1:${port}/apis/ccompat/v7`
}

const payload = parseSchema(readSchema(topic.schema)).fromBuffer(
  readGoldens(topic.schema).at(-1)?.bytes[0] ?? Buffer.alloc(0),
) as never

describe('topics apply', () => {
  test.each(listSchemas())('registers %s once, with its compatibility', async (schema) => {
    const own = allTopics.find((one) => one.schema === schema) ?? topic
    const name = `${prefix}${own.name}`
    expect(await planSubject(url, own, name)).toBe(
      'compatibility unset → BACKWARD_TRANSITIVE, first version of the schema',
    )
    await applySubject(url, own, name)
    expect(await planSubject(url, own, name)).toBeNull()
    const id = await createRegistry(url).findId(subjectOf(name), readSchema(schema))
    await applySubject(url, own, name)
    expect(id).toBeGreaterThan(0)
    expect(await createRegistry(url).findId(subjectOf(name), readSchema(schema))).toBe(id)
  })

  test('says that a new version is compatible, and registers it', async () => {
    const subject = subjectOf(topicName)
    await register(
      subject,
      otherSchema((fields) => fields.filter(({ name }) => name !== 'replay')),
    )
    expect(await planSubject(url, topic, topicName)).toBe(
      'compatibility NONE → BACKWARD_TRANSITIVE, new version of the schema, to be checked by that rule',
    )
    await setCompatibility(subject)
    expect(await planSubject(url, topic, topicName)).toBe('new version of the schema, compatible with the earlier ones')
    await applySubject(url, topic, topicName)
    expect(await planSubject(url, topic, topicName)).toBeNull()
  })

  test('says why a version will be refused, changes nothing, and is refused', async () => {
    const subject = subjectOf(topicName)
    await register(
      subject,
      otherSchema((fields) =>
        fields.map((field) => (field.name === 'data_source_id' ? { ...field, type: 'string' } : field)),
      ),
    )
    await setCompatibility(subject)
    const plan = await planSubject(url, topic, topicName)
    expect(plan).toMatch(/^INCOMPATIBLE new version of the schema, it will be refused: .*INT.*STRING/)
    const refused: unknown = await applySubject(url, topic, topicName).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(RefusedError)
    expect((refused as Error).message).toContain(`subject ${subject} refuses schemas/raw-payload.avsc: 409`)
    expect(await createRegistry(url).findId(subject, readSchema(topic.schema))).toBeUndefined()
  })
})

describe('codec', () => {
  test('a value goes out and comes back; the registry is asked once for each direction', async () => {
    await applySubject(url, topic, topicName)
    const registry = createRegistry(url)
    const findId = vi.spyOn(registry, 'findId')
    const findType = vi.spyOn(registry, 'findType')
    const codec = createCodec(registry)
    const sent = await Promise.all([1, 2, 3].map(() => codec.encode(topic, topicName, payload)))
    for (const bytes of sent) expect(await codec.decode(topic, bytes)).toEqual(payload)
    expect(findId).toHaveBeenCalledTimes(1)
    expect(findType).toHaveBeenCalledTimes(1)
  })

  test('a producer whose schema is not registered does not register it', async () => {
    const codec = createCodec(createRegistry(url))
    const error: unknown = await codec.encode(topic, topicName, payload).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(RegistryError)
    expect((error as Error).message).toContain(`subject ${subjectOf(topicName)} has not`)
    expect((error as Error).message).toContain('parma topics apply')
    await applySubject(url, topic, topicName)
    expect(await codec.decode(topic, await codec.encode(topic, topicName, payload))).toEqual(payload)
  })

  test('an earlier version is read by today’s, added fields by their default', async () => {
    const earlier = otherSchema((fields) => fields.filter(({ name }) => name !== 'replay'))
    const id = await register(subjectOf(topicName), earlier)
    const bytes = createWriter()(parseSchema(earlier), id, payload)
    const read = await createCodec(createRegistry(url)).decode(topic, bytes)
    expect(read).toEqual({ ...(payload as object), replay: null })
  })

  test('what is written by a later version is read without the fields we do not know', async () => {
    const later = otherSchema((fields) => [
      ...fields,
      { name: 'added', type: { type: 'array', items: 'string' }, default: [] },
    ])
    const id = await register(subjectOf(topicName), later)
    const bytes = createWriter()(parseSchema(later), id, { ...(payload as object), added: ['a', 'b'] })
    expect(await createCodec(createRegistry(url)).decode(topic, bytes)).toEqual(payload)
  })

  test('bytes that can never be read say why', async () => {
    await applySubject(url, topic, topicName)
    const codec = createCodec(createRegistry(url), { unknownIdAfterMs: 0 })
    const good = await codec.encode(topic, topicName, payload)
    const withId = (id: number) => {
      const bytes = Buffer.from(good)
      bytes.writeInt32BE(id, 1)
      return bytes
    }
    const json = '{"$schema":"http://json-schema.org/draft-07/schema#","type":"object"}'
    const jsonId = await register(`${prefix}json-value`, json, 'JSON')
    const cases: [Buffer | null, DecodeError['reason']][] = [
      [null, 'null-value'],
      [Buffer.alloc(0), 'too-short'],
      [good.subarray(0, 4), 'too-short'],
      [Buffer.concat([Buffer.from([1]), good.subarray(1)]), 'wrong-magic-byte'],
      [good.subarray(0, 5), 'undecodable'],
      [good.subarray(0, -1), 'undecodable'],
      [Buffer.concat([good, Buffer.from([0])]), 'undecodable'],
      [withId(2 ** 31 - 1), 'unknown-schema-id'],
      [withId(jsonId), 'undecodable'],
    ]
    for (const [bytes, reason] of cases) {
      const error: unknown = await codec.decode(topic, bytes).catch((thrown: unknown) => thrown)
      expect(error, String(bytes?.toString('hex'))).toBeInstanceOf(DecodeError)
      expect(error).toMatchObject({ reason })
    }
    const otherTopic: unknown = await codec.decode(topics.news, good).catch((thrown: unknown) => thrown)
    expect(otherTopic).toMatchObject({ name: 'DecodeError', reason: 'undecodable' })
  })

  test('an id the registry does not know is an outage at first', async () => {
    const codec = createCodec(createRegistry(url))
    const bytes = Buffer.from('007fffffff00', 'hex')
    await expect(codec.decode(topic, bytes)).rejects.toThrow(RegistryError)
  })

  test('where nothing listens, every question meets an outage', async () => {
    const nowhere = await closedAddress()
    const codec = createCodec(createRegistry(nowhere))
    const asked = [
      () => codec.encode(topic, topicName, payload),
      () => codec.decode(topic, Buffer.from('000000000100', 'hex')),
      () => planSubject(nowhere, topic, topicName),
      () => applySubject(nowhere, topic, topicName),
    ]
    for (const ask of asked) {
      const error: unknown = await ask().catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(RegistryError)
      expect((error as Error).message).toContain('ECONNREFUSED')
    }
  })
})
