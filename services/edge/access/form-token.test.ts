import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { isFormProof, makeFormToken, readFormToken } from './form-token.ts'
import { makeSessionToken } from './session-token.ts'

test('a form token names its session and proves it, without the token of the session', () => {
  const [id, { token, hash }, other] = [randomUUID(), makeSessionToken(), makeSessionToken()]
  const made = makeFormToken(id, hash)
  expect(made).not.toContain(token)
  expect(made).not.toContain(hash.toString('base64url'))
  const read = readFormToken(made)!
  expect(read.id).toBe(id)
  expect([isFormProof(read.proof, hash), isFormProof(read.proof, other.hash)]).toEqual([true, false])
})

test.each([
  null,
  '',
  'x',
  `${randomUUID()}.`,
  `${randomUUID()}.${'x'.repeat(42)}`,
  `${'-'.repeat(36)}.${'x'.repeat(43)}`,
])('%j is none', (text) => expect(readFormToken(text)).toBeNull())
