import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import { topics } from '../../schemas/topics.ts'
import type { PayloadsResult } from '../../services/edge/batch/describe-payloads.ts'
import { type StartedEdge, startEdge, useEdge } from '../harness/edge/setup.ts'
import { isKafka, kafkaWire, startProxy } from '../harness/proxy.ts'
import { waitFor } from '../harness/wait-for.ts'

let edge: StartedEdge
let source = 0
let token = ''

beforeAll(async () => {
  // A payload that carries a few MB of what is to be unpacked.
  edge = await startEdge({ MAX_BATCH_PAYLOADS: '100', MAX_BATCH_BYTES: String(9 * 1024 * 1024) })
  source = await edge.addSource('github')
  token = await edge.token(source)
  await edge.start('normalizer')
})

const path = '/api/v1/payloads'
const lines = { 'content-type': 'application/x-ndjson' }
const send = (body: object | string | Buffer, headers: Record<string, string> = {}, to = edge) =>
  to.call(path, { token, body, headers })
const resultOf = ({ json }: { json: Record<string, unknown> }) => json as unknown as PayloadsResult
const idsOf = (answer: { json: Record<string, unknown> }) => resultOf(answer).payloads.map(({ event_id }) => event_id)
const payload = (name: string, more: object = {}) => ({ company_id: '1', raw_data: { name }, ...more })

async function recordsOf(ids: readonly (string | null)[]) {
  const all = await edge.records(topics.rawPayloads)
  return ids.map((id) => all.filter(({ decoded }) => decoded.event_id === id))
}

describe('payloads', () => {
  const raw = '{ "big":9007199254740993, "far":1e400,"text":"\\u00e9 é", "__proto__":{"x":1}, "twice":1,"twice":2 }'

  test('of a list are kept byte for byte, in their order, before the answer', async () => {
    const one = `{"company_id":" 01","raw_data" : ${raw}}`
    const two = `{"source_name":"github","company_id":7,"raw_data":{},"observed_at":"2026-01-31T12:00:00Z", "more":[]}`
    const answer = await send(`[ ${one} ,\n${two},${one}]`)
    const { payloads, ...sums } = resultOf(answer)
    expect([answer.status, sums]).toEqual([201, { accepted: 3, refused: 0, send_again: [] }])
    const [first, second, third] = idsOf(answer)
    expect(payloads).toEqual([
      { index: 0, status: 201, event_id: first, repeated: false, problem: null },
      { index: 1, status: 201, event_id: second, repeated: false, problem: null },
      { index: 2, status: 201, event_id: third, repeated: true, problem: null },
    ])
    expect(third).toBe(first)
    const [[a, ...again] = [], [b] = []] = await recordsOf([first!, second!])
    expect(again).toEqual([])
    expect([a?.decoded.body.toString(), b?.decoded.body.toString()]).toEqual([one, two])
    expect(a?.decoded).toMatchObject({ data_source_id: source, source_name: 'github', company_id: '1', history: false })
    expect([a?.key, b?.key, b?.headers['observed_at']]).toEqual(['1', '7', String(Date.UTC(2026, 0, 31, 12))])
  })

  test('are one alone, with its key in a header, or lines that are packed', async () => {
    const alone = await send(payload('alone'), { 'idempotency-key': 'alone' })
    const listed = await send([payload('alone', { idempotency_key: 'other' })])
    expect([alone.status, listed.status]).toEqual([201, 201])
    expect(idsOf(alone)).not.toEqual(idsOf(listed))
    const both = { 'idempotency-key': 'k' }
    expect((await send(payload('alone', { idempotency_key: 'k' }), both)).status).toBe(201)

    const body = Array.from({ length: 40 }, (_, n) => JSON.stringify(payload(`line ${n}`))).join('\r\n\n')
    const packed = await send(gzipSync(body), { ...lines, 'content-encoding': 'gzip' })
    expect([packed.status, resultOf(packed).accepted]).toEqual([201, 40])
    const found = (await recordsOf(idsOf(packed))).map(([record]) => record!)
    expect(found.map(({ decoded }) => JSON.parse(decoded.body.toString()) as unknown)).toEqual(
      body.split('\r\n\n').map((line) => JSON.parse(line) as unknown),
    )
    const offsets = found.map(({ offset }) => Number(offset))
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b))
  })

  test('are the same event as on the old route', async () => {
    const body = JSON.stringify({ source_name: 'github', ...payload('both routes') })
    const old = await edge.call('/feed-raw-data', { token, body })
    expect(idsOf(await send(body))).toEqual([old.json['document_id']])
  })

  test('that are refused say why, and cost no others', async () => {
    const deep = `{"company_id":"1","raw_data":${'{"a":'.repeat(1001)}1${'}'.repeat(1001)}}`
    const bad: [text: string | Buffer, status: number, says: string][] = [
      ['{"company_id":}', 422, 'Expecting value'],
      ['7', 422, 'valid dictionary'],
      ['null', 422, 'Field required'],
      ['{}', 422, 'company_id'],
      ['{"company_id":9007199254740993,"raw_data":{}}', 422, 'less than or equal to 2147483647'],
      ['{"company_id":"1","raw_data":[]}', 422, 'valid dictionary'],
      ['{"company_id":"1","raw_data":{},"raw_data":{}}', 422, 'several members of this name'],
      ['{"company_id":"1","raw_data":{},"idempotency_key":""}', 422, 'at least 1 character'],
      ['{"company_id":"1","raw_data":{},"observed_at":"2999-01-01"}', 422, 'in the future'],
      ['{"company_id":"1","raw_data":{},"source_name":"reddit"}', 403, 'does not belong to data source'],
      ['{"__proto__":{"company_id":"1","raw_data":{}}}', 422, 'Field required'],
      [Buffer.from('{"company_id":"\xff","raw_data":{}}', 'latin1'), 400, 'UTF-8'],
      [deep, 422, 'nested deeper than 1000 levels'],
      [`{"company_id":"1","raw_data":{"a":"${'x'.repeat(8 * 1024 * 1024)}"}}`, 413, 'larger than 8388608 bytes'],
    ]
    const good = JSON.stringify(payload('among bad ones'))
    const body = Buffer.concat(
      [good, ...bad.map(([text]) => text), good].flatMap((one) => [Buffer.from(one), Buffer.from('\n')]),
    )
    const answer = await send(body, lines)
    const { payloads, ...sums } = resultOf(answer)
    expect([answer.status, sums]).toEqual([207, { accepted: 2, refused: bad.length, send_again: [] }])
    expect(payloads.map(({ index }) => index)).toEqual(payloads.map((_, n) => n))
    for (const [n, [text, status, says]] of bad.entries()) {
      const { problem, ...rest } = payloads[n + 1]!
      expect([String(text).slice(0, 80), rest]).toEqual([
        String(text).slice(0, 80),
        { index: n + 1, status, event_id: null, repeated: false },
      ])
      expect(JSON.stringify(problem)).toContain(says)
      expect(problem).toMatchObject({ status, instance: `${path}#/${n + 1}` })
    }
    expect((await recordsOf([payloads[0]!.event_id]))[0]).toHaveLength(1)
  })

  test.each<[string, string | Buffer, Record<string, string>, number, string]>([
    ['no list', '7', {}, 422, 'Expecting a list or an object'],
    ['nothing', '', {}, 422, 'The body ends too early'],
    ['an empty list', '[]', {}, 422, 'holds no payload'],
    ['no line', '\n \n', lines, 422, 'holds no payload'],
    ['a list that is cut off', '[{"company_id":"1","raw_data":{"cut":1}}', {}, 422, 'ends too early'],
    ['two objects that are no lines', '{"company_id":"1","raw_data":{}}{}', {}, 422, 'Extra data'],
    ['too many', `[${'0,'.repeat(100)}0]`, {}, 413, 'more than 100 payloads'],
    [
      'a gzip bomb',
      gzipSync(Buffer.alloc(50_000_000, ' ')),
      { 'content-encoding': 'gzip' },
      413,
      'larger than 9437184 bytes',
    ],
    [
      'gzip that is cut off',
      gzipSync('[{}]').subarray(0, 15),
      { 'content-encoding': 'gzip' },
      400,
      'in the middle of its gzip',
    ],
    ['no gzip', '[]', { 'content-encoding': 'gzip' }, 400, 'not gzip'],
    ['a form', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'application/x-ndjson'],
    [
      'a key for a list',
      '[{"company_id":"1","raw_data":{}}]',
      { 'idempotency-key': 'k' },
      422,
      'its own idempotency_key',
    ],
    [
      'two keys',
      '{"company_id":"1","raw_data":{},"idempotency_key":"a"}',
      { 'idempotency-key': 'b' },
      422,
      'another idempotency_key',
    ],
    ['one that is wrong', '{"company_id":"1"}', {}, 422, 'Field required'],
    ['one of another source', '{"company_id":"1","raw_data":{},"source_name":"x"}', {}, 403, 'does not belong'],
  ])('%s is refused as a whole, and nothing is sent', async (_, body, headers, status, says) => {
    const before = (await edge.records(topics.rawPayloads)).length
    const answer = await send(body, headers)
    expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'application/problem+json'])
    expect(answer.text).toContain(says)
    expect((await edge.records(topics.rawPayloads)).length).toBe(before)
  })

  test('beyond the bytes of a day are named, to be sent again', async () => {
    const small = await edge.replica({ MAX_SOURCE_BYTES_PER_DAY: '250' })
    const other = await edge.addSource('small')
    const list = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => payload(name.repeat(10)))
    const answer = await small.call(path, { token: await edge.token(other), body: list })
    const { accepted, send_again, payloads } = resultOf(answer)
    expect(answer.status).toBe(207)
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(accepted).toBeGreaterThan(0)
    expect(send_again).toEqual([3, 4, 5, 6, 7].slice(accepted - 3))
    expect(payloads.at(-1)).toMatchObject({ status: 429, event_id: null, problem: { status: 429 } })
  })
})

describe('a dry run', () => {
  test('says what would be understood, by the map in force, and neither sends nor writes anything', async () => {
    const mapped = await edge.addSource('mapped')
    const company = await edge.addCompany('Acme')
    const own = await edge.token(mapped)
    const register = async (measurement_name: string, type: string) => {
      const body = { type, measurement_name, source_module_id: mapped }
      return (await edge.call('/source-measurement', { token: own, body })).json['id'] as number
    }
    const map = {
      Source: 'mapped',
      Mappings: [
        ['stars', 'int', await register('stars', 'int')],
        ['homepage', 'link', await register('homepage', 'link')],
        ['size', 'int', await register('size', 'int')],
        ['gone', 'int', 999_999],
      ].map(([SourceField, DataType, id]) => ({
        ...{ SourceField, DataType, MeasurementName: SourceField, source_measurement_id: id },
      })),
    }
    await edge.database.query(
      `INSERT INTO edge.normalization_map (data_source_id, version, content_hash, content, published_at)
       VALUES ($1, 3, 'x', $2, now())`,
      [mapped, JSON.stringify(map)],
    )
    const raw_data = { stars: 12, homepage: null, size: 'many', gone: 1, extra: [1, 2] }
    const batch = [
      { company_id: company, raw_data, idempotency_key: 'tried' },
      { company_id: 999_999, raw_data },
      { company_id: company },
      { company_id: 'x', raw_data },
    ]
    const ask = (to: string) => edge.call(to, { token: own, body: batch })
    const before = (await edge.records(topics.rawPayloads)).length
    const answer = await ask(`${path}?dry_run=true`)
    expect(answer.status).toBe(200)
    expect(answer.json).toMatchObject({
      ...{ accepted: 3, refused: 1, send_again: [] },
      payloads: [
        {
          ...{ index: 0, status: 200, problem: null, repeated: false },
          understood: {
            ...{ map_version: 3, refused_as_a_whole: null },
            counts: { leaves: 5, stored: 1, null: 1, unmapped: 1, refused: 2 },
            stored: [{ measurement: 'stars', path: 'stars', value: 12 }],
            null: [{ path: 'homepage' }],
            unmapped: [{ path: 'extra' }],
            refused: [
              { path: 'size', reason: 'not-a-number' },
              { path: 'gone', reason: 'unknown-measurement' },
            ],
          },
        },
        { index: 1, status: 200, understood: { refused_as_a_whole: { reason: 'unknown-company' } } },
        { index: 2, status: 422, event_id: null, understood: null },
        { index: 3, status: 200, understood: { refused_as_a_whole: { reason: 'company-id' } } },
      ],
    })
    const [id] = idsOf(answer)
    expect((await edge.call(`/api/v1/events/${id}`, { token: own })).status).toBe(404)
    expect((await edge.records(topics.rawPayloads)).length).toBe(before)
    expect((await edge.call(`${path}?dry_run=maybe`, { token: own, body: batch })).status).toBe(422)
    expect(idsOf(await ask(path))[0]).toBe(id)
  })

  test('of a source without a map says so; of one payload that is refused, it is its error; a large body is refused', async () => {
    const tried = await edge.call(`${path}?dry_run=true`, { token, body: payload('tried') })
    expect(tried.json).toMatchObject({
      payloads: [{ understood: { map_version: null, refused_as_a_whole: { reason: 'no-map' } } }],
    })
    expect((await edge.call(`${path}?dry_run=true`, { token, body: '{}' })).status).toBe(422)
    const large = payload('x'.repeat(1024 * 1024))
    expect((await edge.call(`${path}?dry_run=true`, { token, body: large })).status).toBe(413)
  })
})

describe('an idempotency key', () => {
  const keyed = (name: string, key: string, company_id = '1') => ({
    ...payload(name, { idempotency_key: key }),
    company_id,
  })

  test('names one content of a company: other content is refused, in one batch too', async () => {
    const answer = await send([keyed('a', 'k1'), keyed('b', 'k1'), keyed('a', 'k1', '2'), keyed('a', 'k1')])
    const { payloads } = resultOf(answer)
    expect(payloads.map(({ status, repeated }) => [status, repeated])).toEqual([
      [201, false],
      [422, false],
      [201, false],
      [201, true],
    ])
    const [first, , third, fourth] = idsOf(answer)
    expect([fourth, third === first]).toEqual([first, false])
    expect(payloads[1]?.problem).toMatchObject({ type: 'urn:parma:problem:idempotency-key-reused', status: 422 })
    expect((await send(keyed('b', 'k1'))).json).toMatchObject({ type: 'urn:parma:problem:idempotency-key-reused' })
  })

  test('is known to every edge, for good, once the payload took effect', async () => {
    const [id] = idsOf(await send([keyed('known', 'k2')]))
    await waitFor('the ledger', async () => {
      const rows = await edge.database.query('SELECT FROM normalizer.processed_event WHERE event_id = $1', [id])
      return rows.length > 0
    })
    const replica = await edge.replica()
    const again = await replica.call(path, {
      token: await edge.token(source),
      body: [keyed('known', 'k2'), keyed('else', 'k2')],
    })
    expect(resultOf(again).payloads).toMatchObject([
      { status: 201, event_id: id, repeated: true },
      { status: 422, event_id: null, problem: { type: 'urn:parma:problem:idempotency-key-reused' } },
    ])
    expect((await recordsOf([id!]))[0]).toHaveLength(1)
  })

  test('makes a batch one, whose edge is killed after it was sent and before it was answered', async () => {
    const { KAFKA_BROKERS = '' } = edge.env
    const proxy = await startProxy(KAFKA_BROKERS, kafkaWire(KAFKA_BROKERS))
    const service = await edge.start('edge', { KAFKA_BROKERS: proxy.address })
    const dying = useEdge(edge, service.url)
    const batch = Array.from({ length: 20 }, (_, n) => keyed(`killed ${n}`, `k3-${n}`, String(n)))
    const { held } = proxy.hold('answer', (message) => isKafka('produce')(message) && message.includes('k3-0'))
    const lost = dying.call(path, { token, body: batch }).then(
      ({ status }) => status,
      () => 'no answer',
    )
    await held
    await service.kill()
    expect(await lost).toBe('no answer')
    const answer = await send(batch)
    expect([answer.status, resultOf(answer).accepted]).toEqual([201, 20])
    const ids = idsOf(answer)
    expect(
      (await recordsOf(ids)).map(
        (records) => records.length >= 1 && new Set(records.map(({ partition }) => partition)).size,
      ),
    ).toEqual(ids.map(() => 1))
    await waitFor('the ledger', async () => {
      const rows = await edge.database.query<{ count: number }>(
        'SELECT count(*)::int FROM normalizer.processed_event WHERE event_id = ANY($1)',
        [ids],
      )
      return rows[0]?.count === 20
    })
    const third = await send(batch)
    expect(resultOf(third).payloads.map(({ event_id, repeated }) => [event_id, repeated])).toEqual(
      ids.map((id) => [id, true]),
    )
    const records = (await edge.records(topics.rawPayloads)).length
    await send(batch)
    expect((await edge.records(topics.rawPayloads)).length).toBe(records)
  })
})

describe('usage', () => {
  test('counts what has been processed by day, for the source itself and for operators', async () => {
    const own = await edge.addSource('usage')
    const [mine, other] = [await edge.token(own), await edge.token(source)]
    const usage = (token: string, id = own, query = '?days=2') =>
      edge.call(`/api/v1/sources/${id}/usage${query}`, { token })
    const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10)
    const none = { payloads: 0, refused: {}, values: 0, refused_values: 0, bytes: null }
    expect((await usage(mine)).json).toEqual({
      source_id: own,
      days: [
        { day: day(0), ...none },
        { day: day(1), ...none },
      ],
    })
    const add = (received: string, counts: string) =>
      edge.database.query(
        `INSERT INTO normalizer.processed_event
           (event_id, content_hash, document, data_source_id, source_name, company_id, history, received_at,
            stored, refused, reason, replay_id)
         SELECT gen_random_uuid(), '', '', $1, 'usage', '1', false, now() - $2::interval, ${counts}`,
        [own, received],
      )
    await add('0', `3, 1, NULL, ''`)
    await add('0', `4, 0, NULL, ''`)
    await add('0', `0, 0, 'no-map', ''`)
    await add('1 day', `5, 0, NULL, ''`)
    await add('1 day', `9, 0, NULL, 'a replay'`)
    await add('2 days', `7, 0, NULL, ''`)
    await edge.database.query(
      `INSERT INTO edge.source_bytes (day, data_source_id, bytes) VALUES ((now() AT TIME ZONE 'UTC')::date, $1, 5000)`,
      [own],
    )
    const counted = {
      source_id: own,
      days: [
        { day: day(0), payloads: 3, refused: { 'no-map': 1 }, values: 7, refused_values: 1, bytes: 5000 },
        { ...none, day: day(1), payloads: 1, values: 5 },
      ],
    }
    expect((await usage(mine)).json).toEqual(counted)
    expect((await usage(await edge.apiKey('viewer'))).json).toEqual(counted)
    const refused = await Promise.all([
      usage(other),
      usage(await edge.apiKey('viewer'), 999_999),
      usage(mine, own, '?days=32'),
    ])
    expect(refused.map(({ status }) => status)).toEqual([403, 404, 422])
  })
})
