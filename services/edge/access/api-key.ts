import { createHash, randomBytes } from 'node:crypto'

const prefix = 'parma_'
const form = /^parma_[\w-]{43}$/
const hintLength = prefix.length + 4

export type NewApiKey = {
  /** Shown once and not stored. */
  key: string
  hash: Buffer
  hint: string
}

/** A new key: `parma_` and 256 random bits. */
export function makeApiKey(): NewApiKey {
  const key = prefix + randomBytes(32).toString('base64url')
  return { key, hash: hashApiKey(key), hint: key.slice(0, hintLength) }
}

export function hashApiKey(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

/** The key in an `Authorization: Bearer …` header; null: it holds something else. */
export function readApiKey(header: string): string | null {
  const [, credentials = ''] = /^bearer +(\S+) *$/i.exec(header) ?? []
  return form.test(credentials) ? credentials : null
}
