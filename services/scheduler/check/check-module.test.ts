import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { onTestFinished, expect, test } from 'vitest'
import { createHttpClient } from '#runtime/web/http-client.ts'
import { startRecordingEdge } from '../recording/recording-edge.ts'
import { checkModule } from './check-module.ts'
import { describeCheck, reportCheck } from './describe-check.ts'

type Body = Record<string, unknown>
type Entry = {
  SourceField: string
  DataType: string
  MeasurementName: string
  NestedMappings?: Entry[]
  [more: string]: unknown
}
type Reply = { status?: number; type?: string; body: string; headers?: Record<string, string> }

/** A module without a fault, step by step; tests replace what they break. */
type Manner = {
  entries: Entry[]
  initialize(map: { Source: string; Mappings: Entry[] }): Reply | Promise<Reply>
  discover(company: { company_id: string; name: string }): Reply | Promise<Reply>
  /** The payloads of an identifier. `crawl` counts the crawls. */
  mine(name: string, company: string, crawl: number): unknown[]
  feed(company_id: string, raw_data: unknown): string
  post(path: string, body: string, token: string): { path: string; headers: Record<string, string>; body: string }
  finish(post: (path: string, body: string) => Promise<string>, body: string): Promise<string>
  register(post: (path: string, body: string) => Promise<string>, body: Body): Promise<number>
  answer(reply: Reply, response: ServerResponse): void
  errors(errors: Body): Body
  url: string
}

const value = (SourceField: string, DataType: string): Entry => ({
  SourceField,
  DataType,
  MeasurementName: `m ${SourceField}`,
})
const json = (body: unknown): Reply => ({ body: JSON.stringify(body) })
const inHalfAYear = () => new Date(Date.now() + 180 * 86_400_000).toISOString().slice(0, -1)
const seed = (name: string) => [...name].reduce((sum, one) => sum + one.charCodeAt(0), 0)

const healthy: Manner = {
  url: '',
  entries: [
    value('url', 'link'),
    value('stars', 'int'),
    value('followers', 'int'),
    value('founded_at', 'date'),
    { ...value('items', 'nested'), NestedMappings: [value('id', 'text'), value('size', 'int')] },
  ],
  initialize: (map) => json({ frequency: 'daily', normalization_map: map }),
  discover: ({ company_id, name }) =>
    json({
      identifiers: { [company_id]: { handles: name.startsWith('Nobody') ? [] : [name] } },
      validity: inHalfAYear(),
    }),
  mine: (name) =>
    name.includes('nobody')
      ? []
      : [
          {
            ...{ url: `https://x/${name}`, stars: seed(name), followers: 5, founded_at: '2020-01-31T12:00:00Z' },
            items: ['a', 'b'].map((id) => ({ id: `${name}-${id}`, size: 3 })),
          },
        ],
  feed: (company_id, raw_data) => JSON.stringify({ source_name: 'broken', company_id, raw_data }),
  post: (path, body, token) => ({
    ...{ path, body },
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  }),
  finish: (post, body) => post('/crawling-finished', body),
  register: async (post, body) =>
    (JSON.parse(await post('/source-measurement', JSON.stringify(body))) as { id: number }).id,
  answer: ({ status = 200, type = 'application/json', body, headers = {} }, response) =>
    void response.writeHead(status, { 'content-type': type, ...headers }).end(body),
  errors: (errors) => errors,
}

async function startModule(fault: Partial<Manner>, edgeUrl: string): Promise<string> {
  const manner: Manner = { ...healthy, ...fault }
  let crawls = 0

  async function serve(request: IncomingMessage): Promise<Reply> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://module')
    const token = (request.headers.authorization ?? '').replace('Bearer ', '')
    const body = await text(request)
    // Without our secret only the form is looked at: a forged signature is all A.
    if (token === '' || token.endsWith('A'.repeat(43))) return { status: 401, body: '{"detail":"Invalid token"}' }
    const post = async (path: string, given: string): Promise<string> => {
      const call = manner.post(path, given, token)
      const response = await fetch(edgeUrl + call.path, { method: 'POST', headers: call.headers, body: call.body })
      const answered = await response.text()
      if (!response.ok) throw new Error(`${path}: ${response.status} ${answered}`)
      return answered
    }
    if (pathname === '/initialize') {
      const entries = structuredClone(manner.entries)
      await register(entries, Number(searchParams.get('source_id')), post)
      return manner.initialize({ Source: 'broken', Mappings: entries })
    }
    if (pathname === '/discover')
      return manner.discover((JSON.parse(body) as [{ company_id: string; name: string }])[0])
    const { task_id, companies } = JSON.parse(body) as {
      task_id: number
      companies: Record<string, Record<string, string[]>>
    }
    const errors: Body = {}
    crawls++
    for (const [company, identifiers] of Object.entries(companies))
      for (const name of Object.values(identifiers).flat()) {
        const mined = manner.mine(name, company, crawls)
        if (mined.length === 0) errors[company] = { error_type: 'CrawlingError', error_description: `no ${name}` }
        for (const data of mined)
          await post('/feed-raw-data', manner.feed(company, data)).catch((error: Error) => {
            errors[company] = { error_type: 'AnalyticsError', error_description: error.message }
          })
      }
    return { body: await manner.finish(post, JSON.stringify({ task_id, errors: manner.errors(errors) })) }
  }

  async function register(
    entries: Entry[],
    source: number,
    post: (path: string, body: string) => Promise<string>,
    parent?: number,
  ) {
    for (const entry of entries) {
      const own = { type: entry.DataType, measurement_name: entry.MeasurementName, source_module_id: source }
      const id = await manner.register(post, parent === undefined ? own : { ...own, parent_measurement_id: parent })
      entry.source_measurement_id = id
      await register(entry.NestedMappings ?? [], source, post, id)
    }
  }

  const server = createServer((request, response) => {
    serve(request).then(
      (reply) => manner.answer(reply, response),
      (error: Error) => manner.answer({ status: 500, body: JSON.stringify({ detail: error.message }) }, response),
    )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function check(fault: Partial<Manner>, { bound = true, timeoutMs = 2000 } = {}) {
  const edge = await startRecordingEdge('127.0.0.1', 0, 'secret')
  onTestFinished(() => edge.close())
  const endpoint = await startModule(fault, bound ? edge.url : 'http://127.0.0.1:1')
  await using http = createHttpClient({ allowedPrivateNetworks: ['127.0.0.0/8'] })
  const limits = {
    handshakeMs: timeoutMs,
    discoverMs: timeoutMs,
    crawlMs: timeoutMs,
    lateMs: 300,
    maxAnswerBytes: 1024 * 1024,
  }
  const asked = { endpoint, companies: ['Alpha', 'Beta'], identifiers: [] }
  const checked = await checkModule({ asked, limits, edge, http, now: Date.now })
  return reportCheck(endpoint, edge.url, checked)
}

test('a module without a fault passes', async () => {
  const report = await check({})
  expect(report).toMatchObject({
    source: 'broken',
    map_entries: 7,
    payloads: 5,
    defects: [],
    advice: [],
    not_checked: [],
  })
  expect(describeCheck(report, 80)).toContain('No defect found.')
})

const mineAll = (change: (payload: Body, name: string, crawl: number) => unknown): Partial<Manner> => ({
  mine: (name, company, crawl) => (healthy.mine(name, company, crawl) as Body[]).map((one) => change(one, name, crawl)),
})
const only = (path: string, change: (body: string) => string): Manner['post'] => {
  return (given, body, token) => healthy.post(given, given === path ? change(body) : body, token)
}
const withHeaders = (
  headers: (token: string) => Record<string, string>,
  suffix = (_: string) => '',
): Manner['post'] => {
  return (path, body, token) => ({
    path: path + suffix(token),
    headers: { 'content-type': 'application/json', ...headers(token) },
    body,
  })
}
const never = () => new Promise<never>(() => undefined)
let turn = 0

test.each<[string, string, Partial<Manner>]>([
  [
    'wrong-literal',
    'answers a run with its own words',
    { finish: async (post, body) => (await post('/crawling-finished', body), '{"ok":true}') },
  ],
  [
    'wrong-literal',
    'crawls never',
    { initialize: (map) => json({ frequency: 'fortnightly', normalization_map: map }) },
  ],
  ['wrong-literal', 'answers discovery without company', { discover: () => json({ handles: ['x'] }) }],
  ['wrong-map', 'has a type of its own', { entries: [...healthy.entries, { ...value('wealth', 'money') }] }],
  [
    'wrong-map',
    'answers a map that is a list',
    { initialize: () => json({ frequency: 'daily', normalization_map: '[1]' }) },
  ],
  ['slow', 'never answers /initialize', { initialize: never }],
  ['slow', 'never answers /companies', { finish: never }],
  ['missing-finish', 'does not finish', { finish: async () => '{}' }],
  [
    'doubled-finish',
    'finishes twice',
    { finish: async (post, body) => (await post('/crawling-finished', body), post('/crawling-finished', body)) },
  ],
  [
    'late-finish',
    'finishes after its answer',
    {
      finish: async (post, body) => (
        void setTimeout(() => void post('/crawling-finished', body).catch(() => undefined), 50),
        '{}'
      ),
    },
  ],
  [
    'wrong-body',
    'sends company ids as numbers',
    { feed: (id, raw_data) => JSON.stringify({ source_name: 'broken', company_id: Number(id), raw_data }) },
  ],
  [
    'wrong-source',
    'has two names',
    { feed: (company_id, raw_data) => JSON.stringify({ source_name: 'other', company_id, raw_data }) },
  ],
  [
    'wrong-company',
    'feeds somebody else',
    {
      feed: (_, raw_data) => JSON.stringify({ source_name: 'broken', company_id: '99', raw_data }),
      errors: () => ({
        1: { error_type: 'a', error_description: 'b' },
        2: { error_type: 'a', error_description: null },
      }),
    },
  ],
  ...(
    [
      '2020-01-31 12:00:00',
      '2099-01-01T00:00:00Z',
      1700000000,
      1700000000000,
      'last Tuesday',
      '2020-02-30',
      '1970-01-20T16:13:20Z',
    ] as const
  ).map((founded_at): [string, string, Partial<Manner>] => [
    'bad-date',
    `sends ${founded_at}`,
    mineAll((one) => ({ ...one, founded_at })),
  ]),
  [
    'bad-date',
    'observes the future',
    {
      feed: (company_id, raw_data) =>
        JSON.stringify({ source_name: 'broken', company_id, raw_data, observed_at: '2099-01-01T00:00:00Z' }),
    },
  ],
  [
    'bad-date',
    'finds names that are no longer valid',
    {
      discover: ({ company_id, name }) =>
        json({ identifiers: { [company_id]: { h: [name] } }, validity: '2020-01-01T00:00:00' }),
    },
  ],
  [
    'lost-digits',
    'sends ids as numbers',
    {
      feed: (company_id, raw_data) =>
        healthy
          .feed(company_id, raw_data)
          .replaceAll(/"id":"[^"]*"/g, '"id":12345678901234567890')
          .replace('12345678901234567890', '12345678901234567891'),
    },
  ],
  ['lost-digits', 'rounds an id', mineAll((one) => ({ ...one, account: 1.2345678901234567e19 }))],
  ['refused-value', 'sends words for numbers', mineAll((one) => ({ ...one, stars: 'many' }))],
  [
    'unstable-items',
    'has new item ids each time',
    mineAll((one) => ({
      ...one,
      items: [
        { id: `r${turn++}`, size: 3 },
        { id: `r${turn++}`, size: 3 },
      ],
    })),
  ],
  [
    'unstable-items',
    'sends items without identity in any order',
    mineAll((one) => ({ ...one, items: turn++ % 4 < 2 ? [{ size: 1 }, { size: 2 }] : [{ size: 2 }, { size: 1 }] })),
  ],
  ['lost-digits', 'writes a rounded id', mineAll((one) => ({ ...one, items: [{ id: '1.2345678901234567e+19' }] }))],
  ['zeros', 'feeds nothing for Beta', mineAll((one, name) => (name === 'Beta' ? {} : one))],
  [
    'doubled-finish',
    'finishes again later',
    {
      finish: async (post, body) => {
        const answer = await post('/crawling-finished', body)
        setTimeout(() => void post('/crawling-finished', body).catch(() => undefined), 5)
        return answer
      },
    },
  ],
  ['unstable-subject', 'is about something new each time', mineAll((one) => ({ ...one, url: `https://x/${turn++}` }))],
  [
    'zeros',
    'sends zeros for Beta',
    mineAll((one, name) =>
      name === 'Beta' ? { url: null, stars: 0, followers: 0, founded_at: null, items: [] } : one,
    ),
  ],
  [
    'zeros',
    'sends zeros for names that nobody has',
    {
      mine: (name, ...rest) =>
        name.includes('nobody') ? [{ url: `https://x/${name}`, stars: 0, followers: 0 }] : healthy.mine(name, ...rest),
    },
  ],
  [
    'same-content',
    'sends Alpha for all',
    { mine: (name, ...rest) => healthy.mine(name === 'Beta' ? 'Alpha' : name, ...rest) },
  ],
  [
    'unmapped',
    'sends what its map does not have',
    mineAll((one) => ({ ...one, visits: 1, sales: 2, rank: 3, score: 4 })),
  ],
  ['token-missing', 'sends no token', { post: withHeaders(() => ({})) }],
  ['token-wrong', 'makes its own token', { post: withHeaders(() => ({ authorization: 'Bearer me' })) }],
  ['token-wrong', 'writes bearer small', { post: withHeaders((token) => ({ authorization: `bearer ${token}` })) }],
  [
    'token-in-url',
    'sends the token in the address',
    {
      post: withHeaders(
        (token) => ({ authorization: `Bearer ${token}` }),
        (token) => `?token=${token}`,
      ),
    },
  ],
  [
    'token-in-url',
    'sends the token in the address only',
    {
      post: withHeaders(
        () => ({}),
        (token) => `?access_token=${token}`,
      ),
    },
  ],
  ['unreported-error', 'is silent about names that nobody has', { errors: () => ({}) }],
  [
    'too-large',
    'answers without end',
    {
      answer: (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' }).on('drain', () => fill(response))
        fill(response)
      },
    },
  ],
  [
    'redirect',
    'sends callers elsewhere',
    { answer: (_, response) => void response.writeHead(302, { location: 'http://elsewhere.example/' }).end() },
  ],
  ['invalid-json', 'answers HTML', { initialize: () => ({ body: '<html>' }) }],
  [
    'invalid-json',
    'feeds NaN',
    { feed: (company_id, raw_data) => healthy.feed(company_id, raw_data).replace(/"stars":\d+/, '"stars":NaN') },
  ],
  [
    'content-type',
    'answers text',
    { answer: (reply, response) => healthy.answer({ ...reply, type: 'text/plain' }, response) },
  ],
  [
    'content-type',
    'feeds text',
    { post: withHeaders((token) => ({ authorization: `Bearer ${token}`, 'content-type': 'text/plain' })) },
  ],
  [
    'duplicate-keys',
    'names a member twice',
    {
      feed: (company_id, raw_data) =>
        healthy.feed(company_id, raw_data).replace('"followers":5', '"followers":5,"followers":6'),
    },
  ],
  [
    'registered-twice',
    'registers twice',
    { register: async (post, body) => (await healthy.register(post, body), healthy.register(post, body)) },
  ],
  [
    'not-registered',
    'makes up its ids',
    {
      initialize: (map) => {
        for (const entry of map.Mappings) entry.source_measurement_id = Number(entry.source_measurement_id) + 1000
        return healthy.initialize(map)
      },
    },
  ],
  ['not-registered', 'registers nothing', { register: async () => undefined as unknown as number }],
  [
    'unknown-route',
    'calls a route that there is not',
    { finish: async (post, body) => (await post('/done', body).catch(() => undefined), healthy.finish(post, body)) },
  ],
  [
    'wrong-task',
    'finishes another task',
    { post: only('/crawling-finished', (body) => body.replace(/"task_id":\d+/, '"task_id":77')) },
  ],
  ['wrong-status', 'answers 201', { answer: (reply, response) => healthy.answer({ status: 201, ...reply }, response) }],
])('%s: a module that %s', async (kind, _, fault) => {
  const { defects } = await check(fault, { timeoutMs: kind === 'slow' ? 500 : 5000 })
  expect([...new Set(defects.map((one) => one.kind))]).toEqual([kind])
  for (const one of defects) {
    expect(one.remedy).toMatch(/\.$/)
    expect(one.contract).toMatch(/^\d+(\.\d+)?$/)
  }
})

function fill(response: ServerResponse): void {
  while (response.write('x'.repeat(64 * 1024)));
}

test('addresses with two slashes and bad escapes are named as they came', async () => {
  const { defects } = await check({
    finish: async (post, body) => {
      for (const path of ['//feed-raw-data', '/feed-raw-data?a=%']) await post(path, '{}').catch(() => undefined)
      return healthy.finish(post, body)
    },
  })
  expect(defects.map(({ kind, where }) => `${kind} ${where}`)).toEqual([
    "unknown-route the module's POST //feed-raw-data",
    "wrong-body the module's POST /feed-raw-data",
  ])
})

test('a module with another secret is told so', async () => {
  const refused = { status: 401, body: '{"detail":"Invalid or expired token"}' }
  const { defects } = await check({ answer: (_, response) => healthy.answer(refused, response) })
  expect([...new Set(defects.map(({ kind }) => kind))]).toEqual(['token-refused'])
})

test('one content without numbers for all is named, too', async () => {
  const { defects } = await check(mineAll(() => ({ url: 'https://x', stars: 0 })))
  expect(defects.map(({ kind }) => kind)).toEqual(['same-content'])
})

test('a redirect is named with its target, and not followed', async () => {
  const { defects } = await check({
    answer: (_, response) => void response.writeHead(307, { location: 'http://elsewhere.example/' }).end(),
  })
  expect(defects[0]!.message).toContain('http://elsewhere.example/')
})

test('a module that is bound to another edge is only asked what writes nothing', async () => {
  const asked: string[] = []
  const report = await check(
    {
      discover: (company) => (asked.push('discover'), healthy.discover(company)),
      mine: () => (asked.push('crawl'), []),
    },
    { bound: false },
  )
  expect(report.defects).toEqual([])
  expect(report.not_checked).toEqual([expect.stringContaining('never called the recording edge')])
  expect(new Set(asked)).toEqual(new Set(['discover']))
})

test('what works without a right token, and lists without identity, are advice', async () => {
  const { defects, advice } = await check({
    ...mineAll((one) => ({ ...one, extra: 1, items: [{ size: 1 }, { size: 2 }] })),
    entries: healthy.entries,
  })
  expect(defects).toEqual([])
  expect(advice.map(({ kind }) => kind)).toEqual(['unstable-items', 'unmapped'])
})
