import { Validator } from '@seriousme/openapi-schema-validator'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import addFormats from 'ajv-formats'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { routeTable } from '../../../test/harness/edge/route-table.ts'
import { createWebhookCheck } from '../../../test/harness/edge/webhook-schema.ts'
import { json } from '../http/response.ts'
import { lenient, lenientInt, text } from '../http/validation.ts'

import { describeRoutes } from './openapi.ts'
import type { Route } from './route.ts'

type Operation = {
  operationId: string
  security: object[]
  parameters?: { in: string; name: string; required: boolean; schema: object }[]
  requestBody?: { content: Record<string, { schema: object; example?: unknown }> }
  responses: Record<string, { headers?: Record<string, object>; content?: Record<string, { schema: object }> }>
}
type Document = {
  tags: { name: string }[]
  paths: Record<string, Record<string, Operation>>
  webhooks: Record<string, { post: Required<Operation> }>
  components: { schemas: Record<string, object> }
}

const table = routeTable()
const document = describeRoutes(table) as Document
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
)

test('the document is valid OpenAPI 3.1', async () => {
  const validator = new Validator()
  expect(await validator.validate(structuredClone(document))).toEqual({ valid: true })
  expect(validator.version).toBe('3.1')
  expect(await validator.validate({ ...document, paths: { '/': { get: { responses: 1 } } } })).toMatchObject({
    valid: false,
  })
})

test('a linter finds nothing wrong with it', async () => {
  // Some pages only lead to another one.
  const rules = { 'operation-2xx-response': 'off' } as const
  const config = await createConfig({ extends: ['recommended'], rules })
  const lint = async (one: object) =>
    (await lintFromString({ source: JSON.stringify(one), config })).map(({ ruleId, message, location }) => {
      return `${ruleId} at ${location[0]?.pointer}: ${message}`
    })
  expect(await lint(document)).toEqual([])
  expect(await lint({ ...document, servers: [] })).toEqual([expect.stringContaining('no-empty-servers')])
})

test('those who bring data come first', () => {
  expect(Object.keys(document.paths)[0]).toBe('/source-measurement')
  expect(document.tags[0]?.name).toBe('source')
})

test('every body has an example, which is valid', () => {
  for (const { path, doc } of table)
    if (doc.body) expect([path, doc.body.safeParse(doc.example).error?.issues]).toEqual([path, undefined])
})

test('every schema in it is valid, and its references resolve', () => {
  const ajv = addFormats.default(new Ajv2020({ strict: true, allowUnionTypes: true, strictTypes: false }))
  ajv.addVocabulary(['components'])
  const schemas = operations.flatMap(({ operation: { parameters = [], requestBody, responses } }) => [
    ...parameters.map(({ schema }) => schema),
    ...[requestBody, ...Object.values(responses)].flatMap((one) =>
      Object.values(one?.content ?? {}).map(({ schema }) => schema),
    ),
  ])
  expect(schemas.length).toBeGreaterThan(50)
  for (const schema of [...schemas, ...Object.values(document.components.schemas)])
    ajv.compile({ ...schema, components: document.components })
})

test('it lists exactly the table of routes', async () => {
  const listed = operations.map(({ path, method }) => `${method} ${path}`)
  expect(listed.sort()).toEqual(
    table.map(({ path, method }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`).sort(),
  )
  expect(listed).toContain('get /openapi.json')
  const ids = operations.map(({ operation }) => operation.operationId)
  expect(new Set(ids).size).toBe(ids.length)
  const served = table.find(({ path }) => path === '/openapi.json') as Extract<Route, { role: 'anyone' }>
  const { body } = await served.handle({} as never)
  expect(JSON.parse(String(body))).toEqual(document)
})

test('it describes the body of each type of webhook', () => {
  const schemaOf = ({ post }: { post: Required<Operation> }) => post.requestBody.content['application/json']?.schema
  expect(Object.entries(document.webhooks).map(([type, hook]) => [type, schemaOf(hook)])).toEqual([
    ['parma.news', { $ref: '#/components/schemas/WebhookNews' }],
    ['parma.digest', { $ref: '#/components/schemas/WebhookDigest' }],
    ['parma.ops', { $ref: '#/components/schemas/WebhookOps' }],
    ['parma.test', { $ref: '#/components/schemas/WebhookTest' }],
  ])
})

test('the example of each type of webhook fits its schema', () => {
  const check = createWebhookCheck()
  for (const [type, { post }] of Object.entries(document.webhooks)) {
    const { example } = post.requestBody.content['application/json'] as { example: { type: string } }
    expect([example.type, check(example)]).toEqual([type, []])
    expect(check({ ...example, timestamp: 'now' })).not.toEqual([])
  }
})

test('it leaves out routes that are switched off', () => {
  const { paths } = describeRoutes(routeTable({ compatibility: false })) as Document
  expect(Object.keys(paths)).not.toContain('/schedule')
})

test('it describes exactly the parameters of each path', () => {
  for (const { path, operation } of operations) {
    const named = (operation.parameters ?? []).filter((one) => one.in === 'path').map(({ name }) => name)
    expect([path, named]).toEqual([path, [...path.matchAll(/\{(\w+)\}/g)].map((found) => found[1])])
  }
})

const doc = { summary: 'x', responses: { 200: { description: 'x' } } }
const handle = () => json(200, null)
const describeOne = (route: Route) =>
  Object.values(Object.values((describeRoutes([route]) as Document).paths)[0] ?? {})[0] as Operation

test('a role, a body and other input add their responses', () => {
  const statuses = (route: Route) => Object.keys(describeOne(route).responses).join(' ')
  const one = { method: 'post', path: '/', handle } as const
  const body = z.object({})
  expect(statuses({ ...one, role: 'anyone', doc })).toBe('200 429 500')
  expect(statuses({ ...one, role: 'source', doc })).toBe('200 400 401 429 500 503')
  expect(statuses({ ...one, role: 'anyone', doc: { ...doc, query: body } })).toBe('200 422 429 500')
  expect(statuses({ ...one, role: 'anyone', doc: { ...doc, body } })).toBe('200 400 413 415 422 429 500 503')
  expect(
    statuses({
      ...one,
      role: 'source',
      doc: { ...doc, body, responses: { 201: { description: '' }, 409: { description: '' } } },
    }),
  ).toBe('201 400 401 409 413 415 422 429 500 503')
})

test('errors of the operator API are problems, also for a key with too low a role', () => {
  const route = { method: 'get', path: '/api/v1/x', role: 'viewer', doc, handle } as const
  const { responses, security } = describeOne(route)
  expect(security).toEqual([{ key: [] }, { session: [] }])
  expect(Object.keys(responses).join(' ')).toBe('200 304 400 401 403 429 500 503')
  const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
  for (const [status, { content }] of Object.entries(responses))
    if (Number(status) >= 400) expect(content).toEqual(problem)
})

test('every read under /api/v1 and every feed has a tag and a 304, and nothing else has', () => {
  const isTagged = ({ parameters = [], responses }: Operation) => [
    parameters.some(({ name }) => name === 'if-none-match'),
    responses['200']?.headers?.['etag'] !== undefined,
    responses['304'] !== undefined,
  ]
  for (const { path, method, operation } of operations) {
    const expected = method === 'get' && /^\/(api\/v1|feeds)\//.test(path)
    expect([method, path, isTagged(operation)]).toEqual([method, path, [expected, expected, expected]])
  }
})

test('a whole number may be a text or a boolean in a body, and is an integer in a URL; defaults, bounds and patterns are described', () => {
  const input = z.object({
    a: lenient(z.int32().min(1).max(9)).default(3),
    b: lenientInt.nullable().default(null),
    c: text(5),
  })
  const { parameters, requestBody } = describeOne({
    method: 'post',
    path: '/',
    role: 'anyone',
    handle,
    doc: { ...doc, query: input, body: input },
  })
  const integer = { type: ['integer', 'string', 'boolean'], pattern: expect.any(String) }
  expect(requestBody?.content['application/json']?.schema).toEqual({
    type: 'object',
    properties: {
      a: { ...integer, type: ['integer', 'string'], minimum: 1, maximum: 9, default: 3 },
      b: { anyOf: [{ ...integer, minimum: -2147483648, maximum: 2147483647 }, { type: 'null' }], default: null },
      c: { type: 'string', maxLength: 5, pattern: '^[^\\u0000]*$' },
    },
    required: ['c'],
  })
  expect(parameters?.[0]).toEqual({
    in: 'query',
    name: 'a',
    required: false,
    schema: { type: 'integer', minimum: 1, maximum: 9, default: 3 },
  })
})
