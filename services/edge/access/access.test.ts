import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { mintToken } from '#runtime/web/token.ts'
import { createTokenChecker } from './access.ts'

const secrets = { shared: 's'.repeat(32), analytics: 'a'.repeat(32) }
const mint = (sourceId: number, lifetimeSeconds = 60) =>
  mintToken({ sourceId, jti: 'j', now: Date.now(), lifetimeSeconds }, secrets)

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] })
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

test('a valid token is verified once, and is rejected from the second in which it expires', async () => {
  const verify = vi.spyOn(crypto.subtle, 'verify')
  const check = createTokenChecker(secrets)
  const header = `Bearer ${await mint(7)}`
  const caller = await check(header)
  expect(await check(header)).toBe(caller)
  expect(verify).toHaveBeenCalledTimes(2)
  vi.setSystemTime(Date.now() + 60_000)
  await expect(check(header)).rejects.toMatchObject({ status: 401 })
  await expect(check(header)).rejects.toMatchObject({ status: 401 })
})

test('an invalid token is never cached as valid, nor mistaken for another', async () => {
  const check = createTokenChecker(secrets)
  const [seven, eight] = [await mint(7), await mint(8)]
  expect((await check(`Bearer ${seven}`)).sourceId).toBe(7)
  expect((await check(eight)).sourceId).toBe(8)
  for (const header of ['', `Bearer ${seven}x`, `bearer ${seven}`, undefined])
    await expect(check(header)).rejects.toMatchObject({ status: 401 })
})
