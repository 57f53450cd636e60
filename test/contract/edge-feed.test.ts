import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import { maxBodyBytes, topics } from '../../schemas/topics.ts'
import { startEdge, type TestEdge } from '../harness/edge/setup.ts'
import { waitFor } from '../harness/wait-for.ts'

let edge: TestEdge
let source = 0
let token = ''

beforeAll(async () => {
  edge = await startEdge()
  source = await edge.addSource('github')
  token = await edge.token(source)
})

const feed = (body: object | string | Buffer, headers: Record<string, string> = {}) =>
  edge.call('/feed-raw-data', { token, body, headers })
const good = { source_name: 'github', company_id: '1', raw_data: { name: 'x' } }
const payloadOf = async (eventId: unknown) =>
  waitFor('the record', async () =>
    (await edge.records(topics.rawPayloads)).find(({ decoded }) => decoded.event_id === eventId),
  )

describe('POST /feed-raw-data', () => {
  test('responds with the six members, raw_data as sent, and keeps the body byte for byte', async () => {
    const raw =
      '{ "big":9007199254740993, "precise":0.10000000000000000001,"far":1e400,"text":"\\u00e9 é", "twice":1,"twice":2 }'
    const body = `{"source_name":"github", "company_id":" 01","raw_data" : ${raw} ,"unknown":[]}`
    const before = Date.now()
    const answer = await feed(body)
    expect(answer.status).toBe(201)
    const { timestamp, document_id } = answer.json
    expect(answer.text).toBe(
      `{"source_name":"github","company_id":" 01","raw_data":${raw},"timestamp":"${String(timestamp)}",` +
        `"return_message":"Raw data received and saved. However normalization schema cannot be found","document_id":"${String(document_id)}"}`,
    )
    expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$/)
    expect(answer.headers.get('location')).toBe(`/api/v1/events/${String(document_id)}`)

    const { decoded, key, headers } = await payloadOf(document_id)
    expect(decoded).toMatchObject({
      data_source_id: source,
      source_name: 'github',
      company_id: '1',
      task_id: null,
      observed_at: null,
    })
    expect(decoded).toMatchObject({ history: false, map_version: null, replay: null })
    expect(decoded.body.toString()).toBe(body)
    expect(decoded.received_at).toBe(Date.parse(`${String(timestamp)}Z`))
    expect(decoded.received_at).toBeGreaterThanOrEqual(before)
    expect(key).toBe('1')
    expect(headers['event_id']).toBe(document_id)
    expect(headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
    expect(headers).not.toHaveProperty('task_id')
  })

  test('reports success once there is a map', async () => {
    const mapped = await edge.addSource('mapped')
    await edge.database.query(
      `INSERT INTO edge.normalization_map (data_source_id, version, content_hash, content) VALUES ($1, 1, '', '{}')`,
      [mapped],
    )
    const answer = await edge.call('/feed-raw-data', {
      token: await edge.token(mapped),
      body: { ...good, source_name: 'mapped' },
    })
    expect(answer.json['return_message']).toBe('Raw data received and saved. ')
  })

  test('the same payload of one run is one event, however often it is sent; of the next run it is another', async () => {
    const task = await edge.addTask(source)
    const [first, second] = [await edge.token(source, task), await edge.token(source, task)]
    const body = JSON.stringify({ ...good, raw_data: { once: true } })
    const ids = [first, first, second, await edge.token(source)].map(
      async (one) => (await edge.call('/feed-raw-data', { token: one, body })).json['document_id'],
    )
    const [one, two, three, other] = await Promise.all(ids)
    expect([two, three]).toEqual([one, one])
    expect(other).not.toBe(one)
    const { decoded, headers } = await payloadOf(one)
    expect(decoded.task_id).toBe(task)
    expect(headers['task_id']).toBe(String(task))
    const sent = (await edge.records(topics.rawPayloads)).filter(({ decoded: { event_id } }) => event_id === one)
    expect(new Set(sent.map(({ partition }) => partition)).size).toBe(1)
    expect(sent).toHaveLength(3)
  })

  test('says in its headers when it was observed', async () => {
    const feed = async (more: object) => {
      const answer = await edge.call('/feed-raw-data', { token: await edge.token(source), body: JSON.stringify(more) })
      return (await payloadOf(answer.json['document_id'])).headers
    }
    const at = { ...good, raw_data: { observed: 1 }, observed_at: '2026-01-31T12:00:00Z' }
    expect(await feed(at)).toMatchObject({ observed_at: String(Date.UTC(2026, 0, 31, 12)) })
    expect(await feed({ ...good, raw_data: { observed: 2 } })).not.toHaveProperty('observed_at')
  })

  test('continues the trace of the caller', async () => {
    const trace = '0af7651916cd43dd8448eb211c80319c'
    const { json } = await feed(good, { traceparent: `00-${trace}-b7ad6b7169203331-01` })
    expect((await payloadOf(json['document_id'])).headers['traceparent']).toMatch(
      new RegExp(`^00-${trace}-(?!b7ad6b7169203331)[0-9a-f]{16}-01$`),
    )
  })

  test.each([
    ['2026-01-31T12:00:00+02:00', Date.UTC(2026, 0, 31, 10)],
    ['2026-01-31T12:00:00', Date.UTC(2026, 0, 31, 12)],
    ['2020-01-01', Date.UTC(2020, 0, 1)],
  ])('observed_at %s is history', async (observed_at, time) => {
    const { json } = await feed({ ...good, observed_at })
    expect((await payloadOf(json['document_id'])).decoded).toMatchObject({ observed_at: time, history: true })
  })

  test('an observed_at of today is not history, null counts as missing', async () => {
    const at = Date.now() - 60_000
    const { json } = await feed({ ...good, observed_at: new Date(at).toISOString() })
    expect((await payloadOf(json['document_id'])).decoded).toMatchObject({ observed_at: at, history: false })
    expect((await feed({ ...good, observed_at: null })).status).toBe(201)
  })

  test('an Idempotency-Key replaces run and content', async () => {
    const headers = { 'idempotency-key': 'k1' }
    const first = await feed({ ...good, raw_data: { keyed: 1 } }, headers)
    const again = await edge.call('/feed-raw-data', {
      token: await edge.token(source),
      body: { ...good, raw_data: { keyed: 1 } },
      headers,
    })
    expect([first.status, again.status, again.json['document_id']]).toEqual([201, 201, first.json['document_id']])
    expect((await feed({ ...good, company_id: '2', raw_data: { keyed: 1 } }, headers)).json['document_id']).not.toBe(
      first.json['document_id'],
    )
    const other = await feed({ ...good, raw_data: { keyed: 2 } }, headers)
    expect([other.status, other.json['detail']]).toEqual([
      422,
      [expect.objectContaining({ loc: ['header', 'idempotency-key'], msg: expect.stringContaining('another body') })],
    ])
    expect((await feed(good, { 'idempotency-key': 'x'.repeat(256) })).json['detail']).toEqual([
      expect.objectContaining({ loc: ['header', 'idempotency-key'], type: 'string_too_long' }),
    ])
    expect((await feed(good, { 'idempotency-key': '' })).json['detail']).toEqual([
      expect.objectContaining({ loc: ['header', 'idempotency-key'], type: 'string_too_short' }),
    ])
  })

  test('accepts company ids that are not numbers, and keeps them', async () => {
    for (const company_id of ['acme', '', '__proto__', '1.0', 'é\u0001', '\ud800']) {
      const { status, json } = await feed({ ...good, company_id })
      expect([status, json['company_id']]).toEqual([201, company_id])
      expect((await payloadOf(json['document_id'])).key).toBe(Buffer.from(company_id).toString())
    }
  })
})

describe('refuses', () => {
  test.each<[string, object | string, unknown]>([
    [
      'company_id 1',
      { ...good, company_id: 1 },
      { type: 'string_type', loc: ['body', 'company_id'], msg: 'Input should be a valid string', input: 1 },
    ],
    [
      'a list as raw_data',
      { ...good, raw_data: [] },
      { type: 'dict_type', loc: ['body', 'raw_data'], msg: 'Input should be a valid dictionary', input: [] },
    ],
    [
      'no raw_data',
      { source_name: 'github', company_id: '1' },
      {
        type: 'missing',
        loc: ['body', 'raw_data'],
        msg: 'Field required',
        input: { source_name: 'github', company_id: '1' },
      },
    ],
    [
      'no JSON',
      '{"source_name":',
      {
        type: 'json_invalid',
        loc: ['body', 15],
        msg: 'JSON decode error',
        input: {},
        ctx: { error: 'Expecting value' },
      },
    ],
    [
      'NaN',
      '{"source_name":"github","company_id":"1","raw_data":{"a":NaN}}',
      { type: 'json_invalid', loc: ['body', 57] },
    ],
    [
      'depth',
      `{"raw_data":${'['.repeat(1000)}${']'.repeat(1000)}}`,
      { type: 'json_invalid', ctx: { error: 'nested deeper than 1000 levels' } },
    ],
    ['a NUL in company_id', { ...good, company_id: 'a\0' }, { type: 'value_error', loc: ['body', 'company_id'] }],
    [
      'a long company_id',
      { ...good, company_id: 'x'.repeat(101) },
      { type: 'string_too_long', ctx: { max_length: 100 } },
    ],
    [
      'observed_at tomorrow',
      { ...good, observed_at: new Date(Date.now() + 86_400_000).toISOString() },
      { type: 'value_error', loc: ['body', 'observed_at'] },
    ],
    [
      'observed_at in words',
      { ...good, observed_at: 'yesterday' },
      { type: 'value_error', loc: ['body', 'observed_at'] },
    ],
    [
      'observed_at as number',
      { ...good, observed_at: 1700000000 },
      { type: 'string_type', loc: ['body', 'observed_at'] },
    ],
    [
      'observed_at before 1970',
      { ...good, observed_at: '0001-01-01' },
      { type: 'value_error', loc: ['body', 'observed_at'] },
    ],
  ])('%s with 422', async (_, body, detail) => {
    const answer = await feed(body)
    expect(answer.status).toBe(422)
    expect(answer.json['detail']).toMatchObject([detail])
  })

  test('another source with 403, whatever its name looks like', async () => {
    await edge.addSource('reddit')
    for (const source_name of [
      'reddit',
      'GitHub',
      'github ',
      'github/../reddit',
      '../../x',
      '',
      '__proto__',
      'github\u200b',
    ]) {
      const answer = await feed({ ...good, source_name })
      expect([answer.status, answer.json['detail']]).toEqual([
        403,
        `source_name ${source_name} does not belong to data source ${source} of the token.`,
      ])
    }
  })

  test('a token of an unknown source with 403, before its body is parsed', async () => {
    for (const [id, body] of [
      [999_999, good],
      [2 ** 31, good],
      [2 ** 53 - 1, {}],
      [-1, '{"'],
    ] as const) {
      const answer = await edge.call('/feed-raw-data', { token: await edge.token(id), body })
      expect([answer.status, answer.json['detail']]).toEqual([403, `Data source ${id} of the token does not exist.`])
    }
  })

  test('a body over 8 MiB with 413, but not one of 8 MiB', async () => {
    const frame = JSON.stringify({ ...good, raw_data: { text: '' } }).length
    const bodyOf = (size: number) =>
      Buffer.from(JSON.stringify({ ...good, raw_data: { text: 'x'.repeat(size - frame) } }))
    const largest = bodyOf(maxBodyBytes)
    expect(largest).toHaveLength(maxBodyBytes)
    expect((await feed(largest)).status).toBe(201)
    expect((await feed(bodyOf(maxBodyBytes + 1))).status).toBe(413)
    const packed = await feed(gzipSync(bodyOf(maxBodyBytes + 1)), { 'content-encoding': 'gzip' })
    expect(packed.status).toBe(413)
    const chunked = await fetch(`${edge.url}/feed-raw-data`, {
      method: 'POST',
      headers: { authorization: token, 'content-type': 'application/json' },
      body: new Blob([bodyOf(maxBodyBytes + 1)]).stream(),
      duplex: 'half',
    } as RequestInit)
    expect([chunked.status, await chunked.json()]).toEqual([413, { detail: 'The body is larger than 8388608 bytes.' }])
  })

  test('a gzip body is kept unpacked', async () => {
    const body = JSON.stringify({ ...good, raw_data: { packed: true } })
    const { json } = await feed(gzipSync(body), { 'content-encoding': 'gzip' })
    expect((await payloadOf(json['document_id'])).decoded.body.toString()).toBe(body)
  })
})

describe('affinity', () => {
  test('is stored under the id of our company of that name, which is added and linked if it is missing', async () => {
    const affinity = await edge.addSource('affinity')
    const one = await edge.token(affinity)
    const known = await edge.addCompany('Known Inc')
    const crm = (raw_data: object) =>
      edge.call('/feed-raw-data', { token: one, body: { source_name: 'affinity', company_id: '291047732', raw_data } })
    expect((await crm({ id: 1, name: ' known inc ', domain: 'known.example' })).json['company_id']).toBe(String(known))
    const answers = await Promise.all([
      crm({ id: 2, name: 'New', domain: 'new.example' }),
      crm({ id: 2, name: 'NEW', domain: null }),
    ])
    const [company, ...more] = await edge.database.query<{ id: number; description: string; links: string }>(
      `SELECT id, description, (SELECT count(*) FROM company_data_source l WHERE l.company_id = c.id) AS links FROM company c WHERE lower(name) = 'new'`,
    )
    expect(more).toEqual([])
    expect(answers.map(({ json }) => json['company_id'])).toEqual([String(company?.id), String(company?.id)])
    const [{ sources } = { sources: '' }] = await edge.database.query<{ sources: string }>(
      'SELECT count(*) AS sources FROM data_source',
    )
    expect(company?.links).toBe(sources)
    const record = await payloadOf(answers[0]?.json['document_id'])
    expect([record.key, record.decoded.company_id]).toEqual([String(company?.id), String(company?.id)])
    for (const raw_data of [{}, { name: null }, { name: '  ' }, { name: 5 }, { name: 'a\0' }])
      expect((await crm(raw_data)).status).toBe(422)
  })
})
