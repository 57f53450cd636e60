import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { mintToken } from '#runtime/web/token.ts'
import { checkToken } from './token.ts'

const secrets = { shared: 's'.repeat(32), analytics: 'a'.repeat(32) }
const now = Date.UTC(2026, 0, 1)
const exp = now / 1000 + 60
const base64url = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

function sign(
  payload: unknown,
  secret: string,
  header: unknown = { alg: 'HS256', typ: 'JWT' },
  hash = 'sha256',
): string {
  const content = `${base64url(header)}.${base64url(payload)}`
  return `${content}.${createHmac(hash, secret).update(content).digest('base64url')}`
}
const inner = (payload: unknown) => sign(payload, secrets.analytics)
const outer = (payload: unknown) => sign(payload, secrets.shared)
const around = (token: unknown) => outer({ sourcing_id: token, exp })
const good = around(inner({ sourcing_id: 7, exp }))
const check = (header: string | undefined) => checkToken(header, secrets, now)

const shared = [401, 'Invalid shared token or expired token'] as const
const unwrapped = [400, 'Authorization token not found in shared token'] as const
const ours = [401, 'Invalid authorization token or expired token'] as const
const nameless = [400, 'source_id not found in authorization token'] as const
const noInteger = [400, 'source_id in authorization token is not a valid integer'] as const

describe('rejects, in the order and the words of the predecessor', () => {
  test.each<[string, string | undefined, readonly [number, string]]>([
    ['no header', undefined, [401, 'Authorization header is required!']],
    ['an empty header', '', [401, 'Authorization header is required!']],
    ['no token', 'Bearer ', shared],
    ['garbage', 'Bearer abc', shared],
    ['lower-case scheme', `bearer ${good}`, shared],
    ['another scheme', `Basic ${good}`, shared],
    ['two blanks', `Bearer  ${good}`, shared],
    ['another secret', `Bearer ${sign({ sourcing_id: inner({ sourcing_id: 7, exp }), exp }, 'x'.repeat(32))}`, shared],
    ['the inner token alone', `Bearer ${inner({ sourcing_id: 7, exp })}`, shared],
    [
      'an outer that has ended',
      `Bearer ${outer({ sourcing_id: inner({ sourcing_id: 7, exp }), exp: now / 1000 })}`,
      shared,
    ],
    ['an outer without end', `Bearer ${outer({ sourcing_id: inner({ sourcing_id: 7, exp }) })}`, shared],
    [
      'an end that is text',
      `Bearer ${outer({ sourcing_id: inner({ sourcing_id: 7, exp }), exp: String(exp) })}`,
      shared,
    ],
    ['no signature', `Bearer ${good.split('.').slice(0, 2).join('.')}.`, shared],
    ['alg none', `Bearer ${base64url({ alg: 'none', typ: 'JWT' })}.${good.split('.')[1]}.`, shared],
    [
      'alg HS512',
      `Bearer ${sign({ sourcing_id: 'x', exp }, secrets.shared, { alg: 'HS512', typ: 'JWT' }, 'sha512')}`,
      shared,
    ],
    ['alg RS256', `Bearer ${sign({ sourcing_id: 'x', exp }, secrets.shared, { alg: 'RS256', typ: 'JWT' })}`, shared],
    [
      'an unknown critical header',
      `Bearer ${sign({ sourcing_id: 'x', exp }, secrets.shared, { alg: 'HS256', crit: ['x'], x: 1 })}`,
      shared,
    ],
    ['a payload that is no object', `Bearer ${outer('[]')}`, shared],
    ['a payload that is no JSON', `Bearer ${outer('{')}`, shared],
    ...[undefined, null, '', 0, false, [], {}].map(
      (value) =>
        [`outer sourcing_id ${JSON.stringify(value)}`, `Bearer ${around(value)}`, unwrapped] as [
          string,
          string,
          typeof unwrapped,
        ],
    ),
    ...[7, true, ['x'], { a: 1 }, 'x', '7', 'a.b.c'].map(
      (value) =>
        [`outer sourcing_id ${JSON.stringify(value)}`, `Bearer ${around(value)}`, ours] as [
          string,
          string,
          typeof ours,
        ],
    ),
    ['inner of another secret', `Bearer ${around(outer({ sourcing_id: 7, exp }))}`, ours],
    ['inner that has ended', `Bearer ${around(inner({ sourcing_id: 7, exp: now / 1000 - 1 }))}`, ours],
    ['inner without end', `Bearer ${around(inner({ sourcing_id: 7 }))}`, ours],
    [
      'inner alg none',
      `Bearer ${around(`${base64url({ alg: 'none' })}.${base64url({ sourcing_id: 7, exp })}.`)}`,
      ours,
    ],
    ...[undefined, null, '', 0, false, [], {}].map(
      (value) =>
        [
          `inner sourcing_id ${JSON.stringify(value)}`,
          `Bearer ${around(inner({ sourcing_id: value, exp }))}`,
          nameless,
        ] as [string, string, typeof nameless],
    ),
    ...['abc', '7.5', '7a', ' ', '0x7', '1e3', 7.5, true, [7], { id: 7 }, '9'.repeat(400)].map(
      (value) =>
        [
          `inner sourcing_id ${JSON.stringify(value).slice(0, 20)}`,
          `Bearer ${around(inner({ sourcing_id: value, exp }))}`,
          noInteger,
        ] as [string, string, typeof noInteger],
    ),
  ])('%s', async (_, header, [status, detail]) => {
    await expect(check(header)).rejects.toMatchObject({ name: 'HttpError', status, detail })
  })

  test('a 401 says how to authenticate, a 400 does not', async () => {
    await expect(check(undefined)).rejects.toMatchObject({ headers: { 'www-authenticate': 'Bearer' } })
    await expect(check(`Bearer ${around('')}`)).rejects.toMatchObject({ headers: {} })
  })
})

describe('accepts', () => {
  test.each([
    ['with the scheme', `Bearer ${good}`],
    ['bare', good],
    ['a source as text', around(inner({ sourcing_id: ' 7 ', exp }))],
    ['claims it does not know', outer({ sourcing_id: inner({ sourcing_id: 7, exp, aud: 'x' }), exp, more: 1 })],
    [
      'another order of the header',
      around(sign({ sourcing_id: 7, exp }, secrets.analytics, { typ: 'JWT', alg: 'HS256' })),
    ],
  ])('a token %s', async (_, header) => {
    expect(await check(header)).toEqual({ sourceId: 7, taskId: null, run: `exp:${exp}`, exp })
  })

  test('minted tokens; task and run come from the inner level only', async () => {
    const minted = { sourceId: 7, jti: 'j1', now, lifetimeSeconds: 60 }
    expect(await check(`Bearer ${await mintToken({ ...minted, taskId: 5 }, secrets)}`)).toMatchObject({
      taskId: 5,
      run: 'task:5',
    })
    expect(await check(`Bearer ${await mintToken(minted, secrets)}`)).toMatchObject({ taskId: null, run: 'jti:j1' })
    const forged = outer({ sourcing_id: inner({ sourcing_id: 7, exp }), exp, task_id: 5, jti: 'j2' })
    expect(await check(forged)).toEqual({ sourceId: 7, taskId: null, run: `exp:${exp}`, exp })
  })

  test('expires with the level that expires first', async () => {
    expect(await check(outer({ sourcing_id: inner({ sourcing_id: 7, exp }), exp: exp - 30 }))).toMatchObject({
      exp: exp - 30,
    })
  })
})
