import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { goodBody, type Place, type Row, row } from './request.ts'

type Claims = Record<string, unknown> | string
type Level = {
  header?: Record<string, unknown> | string
  claims?: Claims
  secret?: string
  hash?: string
  signature?: string
}

const base64url = (text: string | Buffer) => Buffer.from(text).toString('base64url')
const text = (value: object | string) => (typeof value === 'string' ? value : JSON.stringify(value))
const far = 4_102_444_800

function forge({ header = { alg: 'HS256', typ: 'JWT' }, claims = {}, secret = '', hash = 'sha256', signature }: Level) {
  const signed = `${base64url(text(header))}.${base64url(text(claims))}`
  return `${signed}.${signature ?? createHmac(hash, secret).update(signed).digest('base64url')}`
}

/** Claims as text, where JavaScript has no such number. */
const inner = ({ secrets, source }: Place, level: Level = {}, claims: object = {}) =>
  forge({ secret: secrets.analytics, claims: { sourcing_id: source, exp: far, ...claims }, ...level })
const outer = (place: Place, level: Level = {}, claims: object = {}) =>
  forge({ secret: place.secrets.shared, claims: { sourcing_id: inner(place), exp: far, ...claims }, ...level })
/** A valid outer level around this inner one. */
const around = (place: Place, level: Level, claims: object = {}) =>
  outer(place, {}, { sourcing_id: inner(place, level, claims) })

const refused = {
  header: [401, 'Authorization header is required!'],
  shared: [401, 'Invalid shared token or expired token'],
  noInner: [400, 'Authorization token not found in shared token'],
  inner: [401, 'Invalid authorization token or expired token'],
  noSource: [400, 'source_id not found in authorization token'],
  noInteger: [400, 'source_id in authorization token is not a valid integer'],
  gone: [403, 'of the token does not exist'],
  accepted: [201, 'Raw data received and saved.'],
  parser: [400, ''],
} as const

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const jwk = { ...publicKey.export({ format: 'jwk' }), use: 'sig' }

function signRsa(place: Place): string {
  const claims = { sourcing_id: inner(place), exp: far }
  const signed = `${base64url('{"alg":"RS256","typ":"JWT"}')}.${base64url(JSON.stringify(claims))}`
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), privateKey).toString('base64url')}`
}

const cut = (token: string, ...parts: number[]) => parts.map((part) => token.split('.')[part] ?? '').join('.')
const past = () => Math.floor(Date.now() / 1000) - 1

/** The value of `Authorization`, and the expected response. */
const table: [string, keyof typeof refused, (place: Place) => string | null][] = [
  ['no header', 'header', () => null],
  ['an empty header', 'header', () => ''],
  ['Bearer alone', 'shared', () => 'Bearer '],
  ['two blanks after Bearer', 'shared', (p) => `Bearer  ${outer(p)}`],
  ['bearer in small letters', 'shared', (p) => `bearer ${outer(p)}`],
  ['BEARER in capitals', 'shared', (p) => `BEARER ${outer(p)}`],
  ['Basic', 'shared', () => 'Basic YTpi'],
  ['the bare token', 'accepted', (p) => outer(p)],
  ['words', 'shared', () => 'Bearer let me in'],
  ['one part', 'shared', () => 'Bearer x'],
  ['two parts', 'shared', (p) => `Bearer ${cut(outer(p), 0, 1)}`],
  ['dots', 'shared', () => 'Bearer ..'],
  ['no header part', 'shared', (p) => `Bearer ${cut(outer(p), 9, 1, 2)}`],
  ['no claims part', 'shared', (p) => `Bearer ${cut(outer(p), 0, 9, 2)}`],
  ['no signature', 'shared', (p) => `Bearer ${cut(outer(p), 0, 1, 9)}`],
  ['a fourth part', 'shared', (p) => `Bearer ${outer(p)}.x`],
  ['five parts', 'shared', (p) => `Bearer ${outer(p)}.x.y`],
  ['two tokens', 'shared', (p) => `Bearer ${outer(p)}, Bearer ${outer(p)}`],
  ['alg none', 'shared', (p) => `Bearer ${outer(p, { header: { alg: 'none' }, signature: '' })}`],
  ['alg None', 'shared', (p) => `Bearer ${outer(p, { header: { alg: 'None' }, signature: '' })}`],
  ['alg NONE with a signature', 'shared', (p) => `Bearer ${outer(p, { header: { alg: 'NONE' } })}`],
  ['alg none inside', 'inner', (p) => `Bearer ${around(p, { header: { alg: 'none' }, signature: '' })}`],
  ['HS512', 'shared', (p) => `Bearer ${outer(p, { header: { alg: 'HS512' }, hash: 'sha512' })}`],
  ['HS384 inside', 'inner', (p) => `Bearer ${around(p, { header: { alg: 'HS384' }, hash: 'sha384' })}`],
  ['RS256 signed as HS256', 'shared', (p) => `Bearer ${outer(p, { header: { alg: 'RS256', typ: 'JWT' } })}`],
  ['RS256 with a key of its own', 'shared', (p) => `Bearer ${signRsa(p)}`],
  ['ES256', 'shared', (p) => `Bearer ${outer(p, { header: { alg: 'ES256' } })}`],
  ['hs256', 'shared', (p) => `Bearer ${outer(p, { header: { alg: 'hs256' } })}`],
  ['no alg', 'shared', (p) => `Bearer ${outer(p, { header: { typ: 'JWT' } })}`],
  ['alg null', 'shared', (p) => `Bearer ${outer(p, { header: { alg: null } })}`],
  ['a list of algs', 'shared', (p) => `Bearer ${outer(p, { header: { alg: ['HS256'] } })}`],
  ['a header that is no JSON', 'shared', (p) => `Bearer ${outer(p, { header: 'HS256' })}`],
  ['a header that is a list', 'shared', (p) => `Bearer ${outer(p, { header: '[]' })}`],
  ['critical extensions', 'shared', (p) => `Bearer ${outer(p, { header: { alg: 'HS256', crit: ['exp'], exp: 1 } })}`],
  ['unencoded payload', 'shared', (p) => `Bearer ${outer(p, { header: { alg: 'HS256', b64: false, crit: ['b64'] } })}`],
  [
    'a key in the header',
    'shared',
    (p) => `Bearer ${outer(p, { header: { alg: 'HS256', jwk }, secret: jwk.n ?? '' })}`,
  ],
  [
    'a key id that is a path',
    'accepted',
    (p) => `Bearer ${outer(p, { header: { alg: 'HS256', kid: '../../dev/null' } })}`,
  ],
  [
    'the levels swapped',
    'shared',
    (p) => `Bearer ${forge({ secret: p.secrets.analytics, claims: { sourcing_id: outer(p), exp: far } })}`,
  ],
  ['the inner level alone', 'shared', (p) => `Bearer ${inner(p)}`],
  [
    'the inner level signed with the shared secret',
    'inner',
    (p) => `Bearer ${around(p, { secret: p.secrets.shared })}`,
  ],
  ['three levels', 'noInteger', (p) => `Bearer ${around(p, {}, { sourcing_id: inner(p) })}`],
  ['no secret', 'shared', (p) => `Bearer ${outer(p, { secret: '' })}`],
  ['the name of the secret', 'shared', (p) => `Bearer ${outer(p, { secret: 'PARMA_SHARED_SECRET_KEY' })}`],
  ['no secret inside', 'inner', (p) => `Bearer ${around(p, { secret: '' })}`],
  ['the name of the secret inside', 'inner', (p) => `Bearer ${around(p, { secret: 'PARMA_ANALYTICS_SECRET_KEY' })}`],
  [
    'claims of another token',
    'shared',
    (p) => `Bearer ${[cut(outer(p), 0), cut(inner(p), 1), cut(outer(p), 2)].join('.')}`,
  ],
  ['a signature in capitals', 'shared', (p) => `Bearer ${cut(outer(p), 0, 1)}.${cut(outer(p), 2).toUpperCase()}`],
  ['claims in ISO 8859', 'shared', (p) => `Bearer ${cut(outer(p), 0)}.é.${cut(outer(p), 2)}`],
  ['expired', 'shared', (p) => `Bearer ${outer(p, {}, { exp: past() })}`],
  ['expired inside', 'inner', (p) => `Bearer ${around(p, {}, { exp: past() })}`],
  ['exp 0', 'shared', (p) => `Bearer ${outer(p, {}, { exp: 0 })}`],
  ['a negative exp', 'shared', (p) => `Bearer ${outer(p, {}, { exp: -far })}`],
  ['exp as text', 'shared', (p) => `Bearer ${outer(p, {}, { exp: String(far) })}`],
  ['exp null', 'shared', (p) => `Bearer ${outer(p, {}, { exp: null })}`],
  ['exp true', 'shared', (p) => `Bearer ${outer(p, {}, { exp: true })}`],
  ['exp as object', 'shared', (p) => `Bearer ${outer(p, {}, { exp: { valueOf: far } })}`],
  ['no exp', 'shared', (p) => `Bearer ${outer(p, {}, { exp: undefined })}`],
  ['no exp inside', 'inner', (p) => `Bearer ${around(p, {}, { exp: undefined })}`],
  ['exp in the year 9999', 'accepted', (p) => `Bearer ${outer(p, {}, { exp: 253_402_300_799 })}`],
  ['nbf tomorrow', 'shared', (p) => `Bearer ${outer(p, {}, { nbf: past() + 86_400 })}`],
  ['nbf as text inside', 'inner', (p) => `Bearer ${around(p, {}, { nbf: 'now' })}`],
  ['claims that are a list', 'shared', (p) => `Bearer ${outer(p, { claims: '[]' })}`],
  ['claims that are a number', 'shared', (p) => `Bearer ${outer(p, { claims: '1' })}`],
  ['claims that are null', 'shared', (p) => `Bearer ${outer(p, { claims: 'null' })}`],
  ['claims that are no JSON', 'shared', (p) => `Bearer ${outer(p, { claims: '{' })}`],
  [
    'claims that are no UTF-8',
    'shared',
    (p) => `Bearer ${outer(p, { claims: Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1') })}`,
  ],
  [
    'claims 3,000 levels deep',
    'noInner',
    (p) => `Bearer ${outer(p, { claims: `{"exp":${far},"a":${'['.repeat(3000)}${']'.repeat(3000)}}` })}`,
  ],
  ['no sourcing_id', 'noInner', (p) => `Bearer ${outer(p, {}, { sourcing_id: undefined })}`],
  ...['null', '""', '0', 'false', '[]', '{}'].map((value): (typeof table)[number] => [
    ...([`sourcing_id ${value}`, 'noInner'] as const),
    (p) => `Bearer ${outer(p, { claims: `{"sourcing_id":${value},"exp":${far}}` })}`,
  ]),
  [
    'sourcing_id of the prototype',
    'noInner',
    (p) => `Bearer ${outer(p, { claims: `{"__proto__":{"sourcing_id":"${inner(p)}"},"exp":${far}}` })}`,
  ],
  ...['5', 'true', '["x"]', '{"a":1}', '"x"', '"\\u0000"', '"😀.😀.😀"'].map((value): (typeof table)[number] => [
    ...([`an inner level ${value}`, 'inner'] as const),
    (p) => `Bearer ${outer(p, { claims: `{"sourcing_id":${value},"exp":${far}}` })}`,
  ]),
  ['no sourcing_id inside', 'noSource', (p) => `Bearer ${around(p, {}, { sourcing_id: undefined })}`],
  ...['null', '""', '0', '-0', '0.0', 'false', '[]', '{}'].map((value): (typeof table)[number] => [
    ...([`sourcing_id ${value} inside`, 'noSource'] as const),
    (p) => `Bearer ${around(p, { claims: `{"sourcing_id":${value},"exp":${far}}` })}`,
  ]),
  ...[
    '"abc"',
    '"1.5"',
    '1.5',
    'true',
    '[1]',
    '{"a":1}',
    '"1e3"',
    '"0x1"',
    '"１"',
    '1e400',
    '9007199254740993',
    '"1\\u0000"',
    '"--1"',
  ].map((value): (typeof table)[number] => [
    ...([`sourcing_id ${value} inside`, 'noInteger'] as const),
    (p) => `Bearer ${around(p, { claims: `{"sourcing_id":${value},"exp":${far}}` })}`,
  ]),
  ...['-1', '2147483648', '9007199254740991', '"0"', '"-5"'].map((value): (typeof table)[number] => [
    ...([`sourcing_id ${value} inside`, 'gone'] as const),
    (p) => `Bearer ${around(p, { claims: `{"sourcing_id":${value},"exp":${far}}` })}`,
  ]),
  ['sourcing_id as decimal text', 'accepted', (p) => `Bearer ${around(p, {}, { sourcing_id: ` ${p.source} ` })}`],
  ['a task id that is none', 'accepted', (p) => `Bearer ${around(p, {}, { task_id: { $ne: 1 } })}`],
  ['a task id outside', 'accepted', (p) => `Bearer ${outer(p, {}, { task_id: 1 })}`],
  ['a jti that is no text', 'accepted', (p) => `Bearer ${around(p, {}, { jti: [['x']] })}`],
  ['12 KB of nothing', 'shared', () => `Bearer ${'x'.repeat(12_000)}`],
  ['control characters', 'parser', () => 'Bearer \u0001\u0000'],
]

export const tokens: Row[] = table.map(([name, kind, value]) => {
  const [status, detail] = refused[kind]
  return row(
    `token: ${name}`,
    status,
    (place) => ({ headers: { authorization: value(place) }, body: goodBody }),
    detail,
  )
})

/** Node reads the first of several headers. */
export const severalTokens: Row[] = [
  row('token: a good one before a bad one', 201, () => ({ lines: ['Authorization: Bearer x'], body: goodBody })),
  row('token: a bad one before a good one', 401, ({ authorization }) => ({
    ...{ headers: { authorization: 'Bearer x' }, lines: [`Authorization: ${authorization}`], body: goodBody },
  })),
  row('token: of another source', 403, (place) => ({
    ...{ headers: { authorization: `Bearer ${around(place, {}, { sourcing_id: place.other })}` }, body: goodBody },
  })),
  row('token: 20 KB', 431, () => ({ headers: { authorization: `Bearer ${'x'.repeat(20_000)}` }, body: goodBody })),
]
