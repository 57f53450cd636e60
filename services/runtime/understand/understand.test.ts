import { expect, test } from 'vitest'
import type { RawPayload } from '#schemas/generated/types.ts'
import { compileMap } from './compile-map.ts'
import { normalize } from './normalize.ts'
import { type PayloadRefused, type Readable, understand, versionOf } from './understand.ts'

const options = { MAX_LEAVES: 10, MAX_DEPTH: 4, OLDEST_OBSERVED_AT: '2000-01-01' }
const entry = { SourceField: 'a', DataType: 'int', MeasurementName: 'a', source_measurement_id: 1 }
const map = { version: 3, compiled: compileMap(JSON.stringify({ Mappings: [entry] })) }
const now = Date.parse('2024-05-06')

function payload(rawData: string, more: Partial<RawPayload> = {}): RawPayload {
  return {
    ...{ event_id: 'e', received_at: now, observed_at: null, history: false, data_source_id: 1, source_name: 's' },
    ...{ company_id: '1', task_id: null, content_hash: 'h', map_version: null, replay: null },
    body: Buffer.from(`{"source_name":"s","company_id":"1","raw_data":${rawData}}`),
    ...more,
  }
}

test('a payload is understood by the map it is given', () => {
  const result = understand(payload('{"a":5,"b":null}'), map, options)
  expect(result).toMatchObject({ mapVersion: 3, map: map.compiled, data: { leaves: 2 } })
})

test('leaves are counted from raw_data on, wherever it is in the body', () => {
  const body = Buffer.from('{"raw_data":{"a":1},"z":[1,{"a":2}],"raw_data":{"a":7},"company_id":"1"}')
  const { data } = understand(payload('', { body }), map, options) as Readable
  expect(normalize(data, map.compiled!).values).toMatchObject([{ seq: 0, number: 7 }])
})

test.each<[string, string, RawPayload]>([
  ['company-id', 'abc', payload('{}', { company_id: 'abc' })],
  ['company-id', '01', payload('{}', { company_id: '01' })],
  ['observed-at', '0', payload('{}', { observed_at: 0 })],
  ['observed-at', String(now + 90_000_000), payload('{}', { observed_at: now + 90_000_000 })],
  ['unparsable', '{"source_name":"s","c', payload('{"a":01}')],
  ['unparsable', 'ÿþ', payload('', { body: Buffer.from([255, 254]) })],
  ['unparsable', '', payload('', { body: Buffer.alloc(0) })],
  ['too-deep', '{"source_name":"s","c', payload('{"a":[[[[1]]]]}')],
  ['too-many-leaves', '{"source_name":"s","c', payload(`{"a":[${Array(25).fill(1).join()}]}`)],
  [
    'too-many-leaves',
    '{"source_name":"s","c',
    payload(`{${Array.from({ length: 11 }, (_, i) => `"k${i}":1`).join()}}`),
  ],
  ['wrong-source', 's', payload('{}', { source_name: 'other' })],
  ['no-raw-data', '{"source_name":"s","c', payload('[1]')],
  ['no-raw-data', '5', payload('', { body: Buffer.from('5') })],
])('%s: %s', (reason, sample, given) => {
  const refused = understand(given, map, options) as PayloadRefused
  expect(refused).toMatchObject({ reason, mapVersion: 3 })
  expect(refused.sample.slice(0, 20)).toBe(sample.slice(0, 20))
})

test('of a long payload the first 200 characters are kept', () => {
  const body = Buffer.from(`{"x":"${'y'.repeat(1000)}"`)
  expect(understand(payload('', { body }), map, options)).toMatchObject({
    reason: 'unparsable',
    sample: body.toString('utf8', 0, 200),
  })
})

test('without its map a payload is refused', () => {
  expect(understand(payload('{}'), 'no-map', options)).toMatchObject({ reason: 'no-map', mapVersion: null })
  expect(understand(payload('{}'), 'map-missing', options)).toMatchObject({ reason: 'map-missing', mapVersion: null })
  expect(understand(payload('{}'), { version: 1, compiled: null }, options)).toMatchObject({ reason: 'map-unusable' })
})

test('a replay asks for its own version of the map, or the newest', () => {
  const replay = { replay_id: 'r', reason: '', map_version: 2 }
  expect(versionOf(payload('{}', { map_version: 1 }))).toBe(1)
  expect(versionOf(payload('{}', { map_version: 1, replay }))).toBe(2)
  expect(versionOf(payload('{}', { map_version: 1, replay: { ...replay, map_version: null } }))).toBeNull()
})
