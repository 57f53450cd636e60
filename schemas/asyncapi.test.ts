import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import official from '@asyncapi/specs/schemas/3.0.0-without-$id.json' with { type: 'json' }
import { expect, test } from 'vitest'
import { describeTopics } from './asyncapi.ts'
import { parseSchema } from './avro.ts'
import { allTopics, topics } from './topics.ts'

type Ref = { $ref: string }
type Document = {
  channels: Record<string, { address: string }>
  operations: Record<string, { action: string; channel: Ref }>
  components: { schemas: Record<string, { schema: object }> }
}

const document = describeTopics() as Document

test('the document is AsyncAPI 3 by its official schema, which refuses a wrong one', () => {
  const ajv = addFormats.default(new Ajv({ strict: false, unicodeRegExp: false }))
  const isValid = ajv.compile(official)
  expect([isValid(document), isValid.errors]).toEqual([true, null])
  expect(isValid({ ...document, operations: { x: { action: 'sends', channel: { $ref: '#/channels/x' } } } })).toBe(
    false,
  )
  expect(isValid({ ...document, info: {} })).toBe(false)
})

test('everything that it refers to is there', () => {
  const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path!)
  expect(refs.length).toBeGreaterThan(50)
  const missing = refs.filter((path) => {
    const found = path
      .split('/')
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document)
    return found === undefined
  })
  expect(missing).toEqual([])
})

test('every topic and dead letter topic is a channel, every schema can be read', () => {
  const letters = allTopics.flatMap(({ name, consumers }) => consumers.map((consumer) => `${name}.${consumer}.dlq`))
  const addresses = Object.values(document.channels).map(({ address }) => address)
  expect(addresses.sort()).toEqual([...allTopics.map(({ name }) => name), ...letters].sort())
  for (const { schema } of Object.values(document.components.schemas)) parseSchema(JSON.stringify(schema))
})

test('topics.ts names the services whose code publishes', () => {
  const root = join(import.meta.dirname, '..')
  const found = new Set<string>()
  for (const file of globSync('services/*/**/*.ts', { cwd: root })) {
    const [, service] = file.split('/')
    if (file.endsWith('.test.ts') || service === 'runtime') continue
    const code = readFileSync(join(root, file), 'utf8')
    for (const [, topic] of code.matchAll(/\b(?:output|publish)\(\s*topics\.(\w+)/g)) found.add(`${service} ${topic}`)
  }
  // Every service reports ops events, most of them through the outbox of the runtime.
  const named = Object.entries(topics)
    .filter(([key]) => key !== 'opsEvents')
    .flatMap(([key, { producers }]) => producers.map((service) => `${service} ${key}`))
  found.delete('edge opsEvents')
  // The command is no service.
  found.delete('cli erasures')
  expect(named.sort()).toEqual([...found].sort())
})
