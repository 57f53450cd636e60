import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { NormalizationMap, RawPayload } from '#schemas/generated/types.ts'
import { findFault, mapDocument, payloadDocument } from './document.ts'

const eventId = '0b9b8c7e-3a53-5d4c-8f43-0f1d6f0c2f11'

function payloadOf(body: string | Buffer, changes: Partial<RawPayload> = {}): RawPayload {
  const bytes = Buffer.from(body)
  return {
    event_id: eventId,
    received_at: Date.parse('2026-11-23T22:22:01.988Z'),
    observed_at: null,
    history: false,
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

test('a payload is the four fields that parma-web knows, and ours', () => {
  const payload = payloadOf(bodyOf({ name: 'langfuse', stars: 5 }))
  expect(payloadDocument(payload)).toEqual({
    path: `parma/mining/datasource/github/raw_data/${eventId}`,
    contentHash: payload.content_hash,
    bytes: expect.any(Number) as number,
    fields: {
      mining_trigger: '',
      status: 'success',
      company_id: '1',
      data: { name: 'langfuse', stars: 5 },
      data_truncated: false,
      data_error: null,
      body_bytes: payload.body.length,
      body_parts: 1,
      content_hash: payload.content_hash,
      event_id: eventId,
      data_source_id: 3,
      task_id: 7,
      map_version: null,
      received_at: new Date('2026-11-23T22:22:01.988Z'),
      observed_at: null,
      history: false,
    },
    parts: [{ bytes: payload.body, content_hash: payload.content_hash }],
  })
})

describe('a body that has no data keeps its bytes and says why', () => {
  test.each([
    ['malformed JSON', Buffer.from('{"raw_data": {'), /JSON/],
    ['malformed UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), /utf-8|valid/i],
    ['no raw_data', Buffer.from('{}'), /no object/],
    ['raw_data is a list', Buffer.from('{"raw_data": []}'), /no object/],
    ['raw_data is a number of many digits', Buffer.from('{"raw_data": 12345678901234567890}'), /no object/],
    ['not even an object', Buffer.from('7'), /no object/],
    ['empty', Buffer.from(''), /JSON/],
    [
      'more values than a process can read',
      Buffer.from(`{"raw_data":{"a":[${'{},'.repeat(200_000)}{}]}}`),
      /^200004 JSON values, and at most 200000 become fields$/,
    ],
    [
      'nested until the stack is exhausted',
      Buffer.from(`{"raw_data":{"a":${'['.repeat(1.5e5)}${']'.repeat(1.5e5)}}}`),
      /stack/,
    ],
  ])('%s', (_what, body, error) => {
    const { fields, parts } = payloadDocument(payloadOf(body))
    const kept = parts.map(({ bytes }) => bytes)
    expect(fields).toMatchObject({
      data: {},
      data_error: expect.stringMatching(error) as string,
      data_truncated: false,
    })
    expect(Buffer.concat(kept as Buffer[])).toEqual(body)
  })
})

test("parma-web's export is hardly larger than the payload: none of its bytes are in the document", () => {
  const body = bodyOf({
    name: 'langfuse',
    repos: Array.from({ length: 200 }, (_, n) => ({ name: `repo ${n}`, stars: n })),
  })
  const { fields } = payloadDocument(payloadOf(body))
  expect(JSON.stringify(fields).length).toBeLessThan(body.length + 600)
  expect(JSON.stringify(fields)).not.toContain('"Buffer"')
})

test('data and body that do not fit one document: data stays whole', () => {
  const body = bodyOf({ text: 'é'.repeat(300_000) })
  const { fields, parts } = payloadDocument(payloadOf(body))
  expect(fields).toMatchObject({ data: { text: 'é'.repeat(300_000) }, data_truncated: false, body_parts: 1 })
  expect(parts[0]?.bytes).toEqual(Buffer.from(body))
})

test('the largest body: data is cut, the parts are the body', () => {
  const body = Buffer.from(
    bodyOf({ items: Array.from({ length: 190_000 }, (_, n) => `${n} ${'x'.repeat(30)}`), name: 'langfuse' }),
  )
  const payload = payloadOf(body)
  const { fields, parts } = payloadDocument(payload)
  expect(fields).toMatchObject({ data_truncated: true, body_parts: parts.length, body_bytes: body.length })
  expect(fields.data).toMatchObject({ name: 'langfuse' })
  expect(Buffer.concat(parts.map(({ bytes }) => bytes as Buffer))).toEqual(body)
  for (const part of parts) expect(part.content_hash).toBe(payload.content_hash)
})

test('a map is its content', () => {
  const map: NormalizationMap = {
    event_id: eventId,
    data_source_id: 3,
    source_name: 'github',
    version: 2,
    content: '{"Source": "github", "Mappings": [{"SourceField": "name", "source_measurement_id": 1}]}',
    content_hash: 'abc',
    received_at: 0,
  }
  expect(mapDocument(map)).toMatchObject({
    path: `parma/mining/datasource/github/normalization_schema/${eventId}`,
    fields: {
      schema: { Source: 'github', Mappings: [{ SourceField: 'name', source_measurement_id: 1 }] },
      schema_truncated: false,
      version: 2,
      content_hash: 'abc',
    },
  })
})

describe('what can have no document is named', () => {
  test.each<[Partial<RawPayload>, RegExp | null]>([
    [{}, null],
    [{ source_name: 'reddit_2-x', observed_at: -1 }, null],
    [{ source_name: 'a/b' }, /source_name "a\/b"/],
    [{ source_name: '__x__' }, /source_name/],
    [{ source_name: '' }, /source_name/],
    [{ source_name: 'a\n' }, /source_name/],
    [{ event_id: '../x' }, /not a uuid/],
    [{ observed_at: 9e15 }, /not a time/],
    [{ received_at: -9e15 }, /not a time/],
  ])('%o', (changes, message) => {
    const fault = findFault(payloadOf('{}', changes))
    if (message) expect(fault).toMatch(message)
    else expect(fault).toBeNull()
  })
})
