import { chunked, goodBody, type Place, type Row, row, write } from './request.ts'

const json = { 'content-type': 'application/json' }
/** A request whose body is framed only by these lines. */
const framed = (
  name: string,
  status: number | null,
  lines: string[],
  body: string | Buffer,
  then?: Row['then'],
): Row => ({
  ...row(name, status, { headers: { ...json, 'content-length': null }, lines, body }),
  ...(then && { then }),
})
/** Bytes that are not a request. */
const raw = (name: string, status: number | null, bytes: string | Buffer): Row => ({
  name,
  status,
  pieces: () => [bytes],
})
const chunks = 'Transfer-Encoding: chunked'
const length = `Content-Length: ${goodBody.length}`
const smuggled = 'GET /schedule HTTP/1.1\r\nHost: x\r\n\r\n'

const lengths: Row[] = [
  ...['-1', '+5', '0x5', '1e3', 'abc', '', '5 5', '5, 5', '99999999999999999999', '5;x', '٥'].map((value) =>
    framed(`content-length ${JSON.stringify(value)}`, 400, [`Content-Length: ${value}`], goodBody),
  ),
  framed('two lengths', 400, [length, 'Content-Length: 5'], goodBody),
  framed('the same length twice', 400, [length, length], goodBody),
  framed('a length that is too short', 400, ['Content-Length: 10'], goodBody),
  framed('a length of 0', 400, ['Content-Length: 0'], goodBody),
  framed('a length that is too long, and then the end', 400, ['Content-Length: 1000'], goodBody, 'end'),
  framed('a length that is too long, and then nobody', null, ['Content-Length: 1000'], goodBody, 'reset'),
]

const encodings: Row[] = [
  framed('length and chunks', 400, [length, chunks], chunked(goodBody)),
  framed('chunks and length', 400, [chunks, 'Content-Length: 4'], chunked(goodBody)),
  framed('chunks before a smuggled request', 400, [chunks, 'Content-Length: 4'], `0\r\n\r\n${smuggled}`),
  framed('a length before a smuggled request', 400, ['Content-Length: 0'], smuggled),
  framed('chunks in capitals', 201, ['TRANSFER-ENCODING: CHUNKED'], chunked(goodBody)),
  framed('chunks twice', 400, [chunks, chunks], chunked(goodBody)),
  framed('chunks, identity', 400, ['Transfer-Encoding: chunked, identity'], chunked(goodBody)),
  framed('identity', 400, ['Transfer-Encoding: identity'], goodBody),
  framed('xchunked', 400, ['Transfer-Encoding: xchunked'], chunked(goodBody)),
  framed('an unprintable encoding', 400, ['Transfer-Encoding: \u000bchunked'], chunked(goodBody)),
  framed('blank before the colon', 400, ['Transfer-Encoding : chunked'], chunked(goodBody)),
  framed('a folded encoding', 400, ['Transfer-Encoding:\r\n chunked'], chunked(goodBody)),
  ...['zz', '-1', '0x5', '', 'fffffffffffffffff', '5 5', ' 5'].map((size) =>
    framed(`chunk size ${JSON.stringify(size)}`, 400, [chunks], `${size}\r\nhello\r\n0\r\n\r\n`),
  ),
  framed('a chunk that is longer than its size', 400, [chunks], '2\r\nhello\r\n0\r\n\r\n'),
  framed('a chunk with bare line feeds', 400, [chunks], `${goodBody.length.toString(16)}\n${goodBody}\n0\n\n`),
  framed('extensions of 40 KB', 413, [chunks], `5;${'x'.repeat(40_000)}\r\nhello\r\n0\r\n\r\n`),
  framed('trailers of 40 KB', 431, [chunks], `0\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`),
  framed('chunks without an end', 400, [chunks], '5\r\nhello\r\n', 'end'),
  framed('chunks, and then nobody', null, [chunks], '5\r\nhe', 'reset'),
]

const headers: Row[] = [
  ...[
    ['no colon', 'x'],
    ['no name', ': x'],
    ['a blank in the name', 'a b: x'],
    ['a blank before the colon', 'a : x'],
    ['a folded line', 'a: x\r\n y'],
    ['a bare carriage return', 'a: x\ry: z'],
    ['NUL', 'a: \0'],
    ['NUL in the name', 'a\0: x'],
    ['DEL in the name', 'a\x7f: x'],
  ].map(([name, line]) => row(`header with ${name}`, 400, { lines: [line as string], body: goodBody })),
  row('header of 20 KB', 431, { headers: { x: 'x'.repeat(20_000) }, body: goodBody }),
  row('5,000 headers', 431, { lines: Array.from({ length: 5000 }, (_, n) => `x${n}: ${n}`), body: goodBody }),
  row('500 headers', 201, { lines: Array.from({ length: 500 }, (_, n) => `${n}:1`), body: goodBody }),
  row('headers of the prototype', 201, { lines: ['__proto__: x', 'constructor: y', 'toString: z'], body: goodBody }),
  row('header in ISO 8859', 201, { headers: { x: '\u00ff\u00e9' }, body: goodBody }),
  row('a path of 20 KB', 431, { path: `/${'x'.repeat(20_000)}`, body: goodBody }),
  row('no host', 400, { headers: { host: null }, body: goodBody }),
  row('a foreign host', 201, { headers: { host: 'attacker.example' }, body: goodBody }),
  row('a host with a path', 201, { headers: { host: 'a/../b@c' }, body: goodBody }),
  row('forwarded from everywhere', 201, {
    headers: { 'x-forwarded-for': '127.0.0.1, ::1, x', 'x-forwarded-host': 'a', 'x-original-url': '/schedule' },
    body: goodBody,
  }),
  row('an upgrade', 201, { headers: { connection: 'upgrade, close', upgrade: 'websocket' }, body: goodBody }),
  row('an upgrade to HTTP/2', 201, {
    headers: { connection: 'upgrade, http2-settings, close', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAAP__' },
    body: goodBody,
  }),
  row('expectations', 417, { headers: { expect: 'miracles' }, body: goodBody }),
  row('100-continue', 201, { headers: { expect: '100-continue' }, body: goodBody }),
  row('a line break in the path', 400, { path: '/ HTTP/1.1\r\nX: y\r\n\r\nGET /schedule' }),
  row('a tab in the path', 400, { path: '/feed\traw' }),
  row('bytes in the path', 400, { path: '/\u0001\u00ff' }),
  row('HTTP/1.0', 201, { version: 'HTTP/1.0', body: goodBody }),
  row('HTTP/2.0', 201, { version: 'HTTP/2.0', body: goodBody }),
  row('HTTP/9.9', 400, { version: 'HTTP/9.9', body: goodBody }),
  row('no version', 400, { version: '', body: goodBody }),
  row('another protocol', 400, { version: 'SIP/2.0', body: goodBody }),
]

const noRequests: Row[] = [
  raw('HTTP/0.9', 200, 'GET /\r\n\r\n'),
  raw('the preface of HTTP/2', 400, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  raw('a hello of TLS', 400, Buffer.from('16030100a5010000a10303', 'hex')),
  raw('a command of redis', 400, '*1\r\n$4\r\nPING\r\n'),
  raw('a start message of Postgres', 400, Buffer.from('0000000804d2162f', 'hex')),
  raw('random bytes', 400, Buffer.from(Array.from({ length: 1000 }, (_, n) => (n * 89 + 7) % 256))),
  raw('NUL bytes', 400, Buffer.alloc(1000)),
  raw('100 KB of nothing', 431, `GET / HTTP/1.1\r\nx: ${'x'.repeat(100_000)}`),
  raw('a tunnel', null, 'CONNECT 127.0.0.1:5432 HTTP/1.1\r\nHost: x\r\n\r\n'),
  { name: 'a connection, and then nobody', status: null, pieces: () => [], then: 'reset' },
  { name: 'half a request, and then nobody', status: null, pieces: () => ['POST /feed-'], then: 'reset' },
]

export const framing: Row[] = [...lengths, ...encodings, ...headers, ...noRequests]

/** Slow requests. They are sent at once, and end with the timeouts of the edge. */
export const slow: Row[] = [
  { name: 'a silent connection', status: 408, pieces: () => [] },
  { name: 'half a request line', status: 408, pieces: () => ['POST /feed-raw'] },
  {
    name: 'headers line by line',
    status: 408,
    pieces: () => ['POST / HTTP/1.1\r\n', ...Array<string>(5).fill('x: y\r\n')],
  },
  { name: 'a body that never comes', status: 408, pieces: (place) => [half(place, '')] },
  { name: 'half a body', status: 408, pieces: (place) => [half(place, '{"source_name":')] },
  { name: 'a body byte by byte', status: 408, pieces: (place) => [half(place, ''), ...' '.repeat(10)] },
  {
    name: 'chunks byte by byte',
    status: 408,
    pieces: (place) => [startChunks(place), ...Array<string>(10).fill('1\r\n \r\n')],
  },
  { name: 'half a chunk', status: 408, pieces: (place) => [startChunks(place), 'ff\r\nx'] },
  row(
    'a body that is too large and never comes',
    413,
    { headers: { ...json, 'content-length': '9999999999' } },
    'larger than',
  ),
]

const half = (place: Place, body: string): Buffer =>
  write(place, { headers: { ...json, 'content-length': '1000' }, body })
const startChunks = (place: Place): Buffer =>
  write(place, { headers: { ...json, 'content-length': null, 'transfer-encoding': 'chunked' }, body: '' })
