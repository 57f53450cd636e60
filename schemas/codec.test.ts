import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { RegistryError } from './ask-registry.ts'
import { readSchema } from './avro.ts'
import { createCodec, DecodeError } from './codec.ts'
import { readGoldens } from './golden.ts'
import { createRegistry } from './registry.ts'
import { topics } from './topics.ts'

const framed = (id: number, body = readGoldens('news').at(-1)?.bytes[0] ?? Buffer.alloc(0)) => {
  const head = Buffer.alloc(5)
  head.writeInt32BE(id, 1)
  return Buffer.concat([head, body])
}

test.each<[string, Buffer | null, DecodeError['reason']]>([
  ['no value', null, 'null-value'],
  ['an empty value', Buffer.alloc(0), 'too-short'],
  ['four bytes', Buffer.from([0, 0, 0, 0]), 'too-short'],
  ['text', Buffer.from('{"title": "x"}'), 'wrong-magic-byte'],
  ['the id 0', framed(0), 'unknown-schema-id'],
  ['a negative id', framed(-5), 'unknown-schema-id'],
])('%s is refused for good, without asking the registry', async (_, bytes, reason) => {
  const codec = createCodec(createRegistry('http://127.0.0.1:9'))
  const error: unknown = await codec.decode(topics.news, bytes).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(DecodeError)
  expect(error).toMatchObject({ reason })
})

/** Stands for a registry in states that a real one cannot be brought into at will: what it says about every id. */
async function startRegistry() {
  const state = { says: 'unknown' as 'unknown' | 'outage' | 'found', questions: 0 }
  const server = createServer((_, response) => {
    state.questions++
    const unknown = { error_code: 40403, message: 'Schema not found' }
    const outage = { error_code: 50001, message: 'storage' }
    const [status, body] = {
      unknown: [404, unknown],
      outage: [500, outage],
      found: [200, { schema: readSchema('news') }],
    }[state.says]
    response.writeHead(status as number, { 'content-type': 'application/vnd.schemaregistry.v1+json' })
    response.end(JSON.stringify(body))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { state, registry: createRegistry(`http://127.0.0.1:${(server.address() as AddressInfo).port}`) }
}

test('an unknown id is an outage until the registry has said so for a while, and is asked again after that too', async () => {
  const { state, registry } = await startRegistry()
  const codec = createCodec(registry, { unknownIdAfterMs: 300, askAgainAfterMs: 50 })
  const decode = () => codec.decode(topics.news, framed(7))
  const start = performance.now()

  await expect(Promise.all([decode(), decode()])).rejects.toThrow(RegistryError)
  expect(state.questions).toBe(1)
  await vi.waitFor(() => expect(decode()).rejects.toMatchObject({ reason: 'unknown-schema-id' }), {
    interval: 10,
    timeout: 20_000,
  })
  expect(performance.now() - start).toBeGreaterThanOrEqual(300)
  expect(state.questions).toBeGreaterThanOrEqual(2)
  expect(state.questions).toBeLessThan(20)

  state.says = 'found'
  await vi.waitFor(async () => expect(await decode()).toMatchObject({ title: 'title é 漢 😀' }), {
    interval: 10,
    timeout: 20_000,
  })
  const questions = state.questions
  await decode()
  expect(state.questions).toBe(questions)
})

test('an outage in between starts the wait anew', async () => {
  const { state, registry } = await startRegistry()
  const codec = createCodec(registry, { unknownIdAfterMs: 100, askAgainAfterMs: 0 })
  const decode = () => codec.decode(topics.news, framed(7))
  const start = performance.now()

  await expect(decode()).rejects.toThrow('does not know schema 7')
  await vi.waitFor(() => expect(performance.now() - start).toBeGreaterThan(100))
  state.says = 'outage'
  await expect(decode()).rejects.toThrow(RegistryError)
  state.says = 'unknown'
  await expect(decode()).rejects.toThrow(RegistryError)
  await vi.waitFor(() => expect(decode()).rejects.toMatchObject({ reason: 'unknown-schema-id' }), {
    interval: 10,
    timeout: 20_000,
  })
})

test('a producer waits for its schema to be registered, and is told how', async () => {
  const { state, registry } = await startRegistry()
  const codec = createCodec(registry)
  const encode = () => codec.encode(topics.news, 'staging.insights.news.v1', {} as never)
  const message =
    'subject staging.insights.news.v1-value has not schemas/news.avsc as it is here: run `parma topics apply`'
  await expect(encode()).rejects.toThrow(new RegistryError(message))
  state.says = 'outage'
  await expect(encode()).rejects.toThrow(RegistryError)
})
