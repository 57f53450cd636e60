import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { decryptSecret, encryptSecret, parseSecretKeys } from './encrypt-secret.ts'

const [oldKey, newKey] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')]
const old = parseSecretKeys(`old:${oldKey}`)
const both = parseSecretKeys(`new:${newKey}, old:${oldKey}`)

describe('a secret', () => {
  test('comes back under its name, never the same bytes twice', () => {
    const one = encryptSecret(old, 'bot', 'xoxb-ä')
    expect(one.key_id).toBe('old')
    expect(decryptSecret(old, 'bot', one)).toBe('xoxb-ä')
    expect(one.ciphertext.equals(encryptSecret(old, 'bot', 'xoxb-ä').ciphertext)).toBe(false)
    expect(one.ciphertext.includes('xoxb')).toBe(false)
  })

  test('is read after the keys were rotated, and encrypted under the first', () => {
    expect(decryptSecret(both, 'bot', encryptSecret(old, 'bot', 'x'))).toBe('x')
    expect(encryptSecret(both, 'bot', 'x').key_id).toBe('new')
  })

  test('of another name, changed, or of a key that is gone is not read', () => {
    const one = encryptSecret(both, 'bot', 'x')
    expect(() => decryptSecret(both, 'other', one)).toThrow('does not match its name or its key new')
    for (const at of [0, one.ciphertext.length - 1]) {
      const changed = Buffer.from(one.ciphertext)
      changed[at]! ^= 1
      expect(() => decryptSecret(both, 'bot', { ...one, ciphertext: changed })).toThrow('does not match')
    }
    expect(() => decryptSecret(both, 'bot', { ...one, ciphertext: Buffer.alloc(3) })).toThrow('does not match')
    expect(() => decryptSecret(old, 'bot', one)).toThrow('under the key new, which is not in SECRETS_KEYS')
  })
})

test.each(['', oldKey, 'a:short', `a:${oldKey},`, `a:${oldKey},a:${newKey}`])(
  'keys that are none are refused and not shown',
  (text) => {
    expect(() => parseSecretKeys(text)).toThrow(
      /^(key \d is not an id, a colon and 32 bytes in base64|the id a appears)/,
    )
  },
)
