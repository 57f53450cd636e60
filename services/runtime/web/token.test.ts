import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import { mintToken } from './token.ts'

const secrets = { shared: 'shared secret', analytics: 'analytics secret' }
const now = Date.UTC(2026, 0, 1)
const minted = { sourceId: 7, jti: 'j', now, lifetimeSeconds: 60 }

test('both levels carry the claims of the reference and ours, signed with their own secret', async () => {
  const outer = await mintToken({ ...minted, taskId: 5 }, secrets)
  const claims = { exp: now / 1000 + 60, iat: now / 1000, jti: 'j', task_id: 5 }
  const { sourcing_id: inner, ...rest } = decodeJwt<{ sourcing_id: string }>(outer)
  expect(rest).toEqual(claims)
  expect(decodeJwt(inner)).toEqual({ sourcing_id: 7, ...claims })
  for (const [token, secret] of [
    [outer, secrets.shared],
    [inner, secrets.analytics],
  ] as const) {
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'HS256', typ: 'JWT' })
    await jwtVerify(token, new TextEncoder().encode(secret), { currentDate: new Date(now) })
  }
})

test('there is no task where none is named', async () => {
  expect(decodeJwt(await mintToken(minted, secrets))).not.toHaveProperty('task_id')
})
