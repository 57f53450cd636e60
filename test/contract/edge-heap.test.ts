import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import { heapFlags } from '../../deploy/service-values.ts'
import { topics } from '../../schemas/topics.ts'
import { type StartedEdge, startEdge } from '../harness/edge/setup.ts'

let edge: StartedEdge
let token = ''

const maxValues = 400_000

beforeAll(async () => {
  // A machine that runs many tests parses slowly, and Kafka's answers wait for it.
  edge = await startEdge({ FEED_DEADLINE_MS: '60000' }, heapFlags('edge'))
  token = await edge.token(await edge.addSource('github'))
})

const list = (count: number, item: (index: number) => string) => `[${Array.from({ length: count }, (_, n) => item(n))}]`
const feed = (rawData: string) => `{"source_name":"github","company_id":"1","raw_data":{"a":${rawData}}}`
const post = (path: string, body: string, headers: Record<string, string> = {}) =>
  edge.call(path, {
    method: 'POST',
    body: gzipSync(body),
    headers: { 'content-type': 'application/json', 'content-encoding': 'gzip', ...headers },
  })
const isUp = async () => expect((await edge.call('/')).status).toBe(200)

describe('small packets with very many JSON values are refused before they are parsed', () => {
  const values = 2_700_000
  const heavy = list(values, () => '{}')

  test('without credentials', async () => {
    const answers = await Promise.all(Array.from({ length: 4 }, () => post('/crm-companies', heavy)))
    for (const { status, text } of answers)
      expect([status, text]).toEqual([
        413,
        `{"detail":"The body holds ${values + 1} JSON values, and at most 10000 are read."}`,
      ])
    await isUp()
  })

  test.each([
    ['/feed-raw-data', feed(heavy), maxValues],
    ['/crawling-finished', `{"task_id":1,"errors":${heavy}}`, 100_000],
    ['/new-company', heavy, 10_000],
    ['/source-measurement', heavy, 10_000],
  ])('with a token, at %s', async (path, body, limit) => {
    const { status, text } = await post(path, body, { authorization: token })
    expect([status, text]).toEqual([
      413,
      expect.stringMatching(`^{"detail":"The body holds 27\\d{5} JSON values, and at most ${limit} are read\\."}$`),
    ])
    await isUp()
  })
})

test('payloads of any shape that are just small enough are accepted, several at once', async () => {
  const shapes = [
    list(maxValues - 10, () => '{}'),
    list(maxValues - 10, () => '[]'),
    list(maxValues - 10, () => '1.5'),
    list(maxValues / 2 - 10, (n) => `{"${n.toString(36)}":0}`),
    `{${Array.from({ length: maxValues - 10 }, (_, n) => `"${n.toString(36)}":""`)}}`,
    list(400, () => '[{"a":'.repeat(450) + '0' + '}]'.repeat(450)),
  ]
  const answers = await Promise.all(
    shapes.map((shape) => post('/feed-raw-data', feed(shape), { authorization: token })),
  )
  expect(answers.map(({ status }) => status)).toEqual(shapes.map(() => 201))
  expect(await edge.records(topics.rawPayloads)).toHaveLength(shapes.length)
  await isUp()
})
