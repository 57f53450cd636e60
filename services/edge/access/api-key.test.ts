import { expect, test } from 'vitest'
import { hashApiKey, makeApiKey, readApiKey } from './api-key.ts'

test('a key is recognisable, unique, and read back from its header', () => {
  const { key, hash, hint } = makeApiKey()
  expect(key).toMatch(/^parma_[\w-]{43}$/)
  expect(key.startsWith(hint)).toBe(true)
  expect(hint.length).toBeLessThan(12)
  expect(hashApiKey(key)).toEqual(hash)
  expect(makeApiKey().key).not.toBe(key)
  for (const header of [`Bearer ${key}`, `bearer  ${key} `]) expect(readApiKey(header)).toBe(key)
})

const key = `parma_${'x'.repeat(43)}`

test.each([
  '',
  'Bearer',
  'Bearer parma_',
  'Bearer eyJhbGciOiJIUzI1NiJ9.e30.x',
  `Basic ${key}`,
  key,
  `Bearer ${key}x`,
  `Bearer ${key} ${key}`,
])('%j holds no key', (header) => {
  expect(readApiKey(header)).toBeNull()
})
