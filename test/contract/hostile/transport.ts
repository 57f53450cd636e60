import { brotliCompressSync, deflateRawSync, gzipSync } from 'node:zlib'
import { maxBodyBytes } from '../../../schemas/topics.ts'
import { chunked, each, goodBody, type Row, row } from './request.ts'

const types: [status: number, types: (string | null)[]][] = [
  [
    422,
    each`text/plain text/json application/x-www-form-urlencoded application/jsonx application/xml json / __proto__`,
  ],
  [422, ['', 'multipart/form-data; boundary=x', 'application/json, text/plain', `${'a'.repeat(5000)}/json`]],
  [201, each`APPLICATION/JSON application/vnd.api+json application/json;charset="\\"`],
  [201, [null, 'application/json; charset=utf-16', 'application/json ; =;']],
]

const packed = gzipSync(goodBody)
type Encoding = [name: string, encoding: string, body: string | Buffer, status: number, detail?: string]
const encodings: Encoding[] = [
  ['gzip', 'gzip', packed, 201],
  ['gzip in capitals', 'GZIP', packed, 201],
  ['gzip that is none', 'gzip', goodBody, 400, 'not gzip'],
  ['gzip cut off', 'gzip', packed.subarray(0, 30), 400, 'in the middle of its gzip'],
  ['gzip of nothing', 'gzip', gzipSync(''), 422, 'missing'],
  ['nothing as gzip', 'gzip', '', 400, 'in the middle of its gzip'],
  ['a bad checksum', 'gzip', Buffer.concat([packed.subarray(0, -8), Buffer.alloc(8)]), 400, 'incorrect data check'],
  ['gzip twice', 'gzip, gzip', gzipSync(packed), 415, 'content-encoding'],
  ['gzip within gzip', 'gzip', gzipSync(packed), 400, 'packed twice'],
  ['deflate without its header', 'deflate', deflateRawSync(goodBody), 400, 'not deflate'],
  ['brotli that is none', 'br', goodBody, 400, 'not br'],
  ...each`zstd compress __proto__ constructor`.map((name): Encoding => [name, name, goodBody, 415, 'content-encoding']),
  ['a bomb of 100 MB', 'gzip', gzipSync(Buffer.alloc(100_000_000, ' ')), 413, 'larger than'],
  ['a brotli bomb', 'br', brotliCompressSync(Buffer.alloc(20_000_000, ' ')), 413, 'larger than'],
  ['a bomb of brackets', 'gzip', gzipSync('['.repeat(8_000_000)), 422, 'nested deeper'],
]

const inChunks = { 'content-type': 'application/json', 'transfer-encoding': 'chunked', 'content-length': null }
const tooLarge = Buffer.alloc(maxBodyBytes + 1, ' ')
const sizes: Row[] = [
  row('too large', 413, () => ({ body: tooLarge }), 'larger than'),
  row('too large in a chunk', 413, () => ({ headers: inChunks, body: chunked(tooLarge) }), 'larger than'),
  row(
    'too large in small chunks',
    413,
    () => ({ headers: inChunks, body: chunked(...Array<string>(43_000).fill(' '.repeat(200))) }),
    'larger than',
  ),
  row('in chunks of one byte', 201, () => ({ headers: inChunks, body: chunked(...goodBody) })),
]

const noTraces = each`x 00-0-0-0 00-${'0'.repeat(32)}-${'0'.repeat(16)}-01 ff-${'a'.repeat(32)}-${'b'.repeat(16)}-01 ${'x'.repeat(8000)}`

export const transport: Row[] = [
  ...types.flatMap(([status, all]) =>
    all.map((type) =>
      row(`content-type: ${String(type).slice(0, 60)}`, status, {
        ...{ headers: { 'content-type': type, 'content-length': String(goodBody.length) }, body: goodBody },
      }),
    ),
  ),
  ...encodings.map(([name, encoding, body, status, detail]) =>
    row(`content-encoding: ${name}`, status, { headers: { 'content-encoding': encoding }, body }, detail),
  ),
  ...sizes,
  row('Idempotency-Key: empty', 422, { headers: { 'idempotency-key': '' }, body: goodBody }),
  row('Idempotency-Key: 256 characters', 422, { headers: { 'idempotency-key': 'x'.repeat(256) }, body: goodBody }),
  row('Idempotency-Key: no ASCII', 201, { headers: { 'idempotency-key': 'é\u00ff' }, body: goodBody }),
  ...noTraces.map((traceparent) =>
    row(`traceparent: ${traceparent.slice(0, 60)}`, 201, { headers: { traceparent }, body: goodBody }),
  ),
]
