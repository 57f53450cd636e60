import { expect, test } from 'vitest'
import { hashSessionToken, makeSessionToken, readSessionToken, sessionCookie, writeCookie } from './session-token.ts'

test('a token is unique, read back from its cookie, and known by its hash', () => {
  const { token, hash } = makeSessionToken()
  expect(hashSessionToken(token)).toEqual(hash)
  expect(makeSessionToken().token).not.toBe(token)
  const sent = writeCookie(sessionCookie, token, 60).split(';')[0]!
  for (const header of [sent, `a=b; ${sent}`, `${sent};c`, `=; ;;${sent}`]) expect(readSessionToken(header)).toBe(token)
})

test('the cookie is bound to its host, hidden from scripts, and sent with nothing that another site makes', () => {
  expect(writeCookie(sessionCookie, 'x', 60)).toBe(
    '__Host-parma-session=x; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax',
  )
})

const token = 'x'.repeat(43)

test.each([
  undefined,
  '',
  sessionCookie,
  `${sessionCookie}=`,
  `${sessionCookie}=${token}x`,
  `${sessionCookie}="${token}"`,
  `parma-session=${token}`,
  `x${sessionCookie}=${token}`,
  `${sessionCookie.toLowerCase()}=${token}`,
])('%j holds no token', (header) => {
  expect(readSessionToken(header)).toBeNull()
})
