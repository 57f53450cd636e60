import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AvroSchemaParser } from '@asyncapi/avro-schema-parser'
import { DiagnosticSeverity, Parser } from '@asyncapi/parser'
import { expect, test } from 'vitest'
import { describeTopics } from './asyncapi.ts'
import { parseSchema } from './avro.ts'
import { allTopics, topics } from './topics.ts'

type Document = {
  channels: Record<string, { address: string }>
  components: { schemas: Record<string, { schema: object }> }
}

const document = describeTopics() as Document

const parser = new Parser({ schemaParsers: [AvroSchemaParser()] })

/** What the official parser holds to be wrong. */
async function faultsOf(asyncapi: object): Promise<string[]> {
  const diagnostics = await parser.validate(JSON.stringify(asyncapi))
  return diagnostics
    .filter(({ severity }) => severity === DiagnosticSeverity.Error)
    .map(({ code, path }) => `${code} at ${path.join('/')}`)
}

test('the official parser takes the document, and refuses a wrong one', async () => {
  expect(await faultsOf(document)).toEqual([])
  const operation = { action: 'send', channel: { $ref: '#/channels/nowhere' } }
  expect(await faultsOf({ ...document, operations: { operation } })).not.toEqual([])
  expect(await faultsOf({ ...document, info: {} })).not.toEqual([])
  const [name] = Object.keys(document.components.schemas) as [string]
  const wrong = { ...document.components.schemas[name]!, schema: { type: 'recrod' } }
  const schemas = { ...document.components.schemas, [name]: wrong }
  expect(await faultsOf({ ...document, components: { ...document.components, schemas } })).not.toEqual([])
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
