import { createHash, randomBytes } from 'node:crypto'

const prefix = 'parma_'
const form = /^parma_[\w-]{43}$/
/** Of a key that sends payloads of one source. */
const sourcePrefix = 'parma_source_'
const sourceForm = /^parma_source_[\w-]{43}$/

export type NewApiKey = {
  /** Shown once and not stored. */
  key: string
  hash: Buffer
  hint: string
}

/** A new key: `parma_`, or `parma_source_` for one that sends payloads, and 256 random bits. */
export function makeApiKey(isOfSource = false): NewApiKey {
  const begin = isOfSource ? sourcePrefix : prefix
  const key = begin + randomBytes(32).toString('base64url')
  return { key, hash: hashApiKey(key), hint: key.slice(0, begin.length + 4) }
}

export function hashApiKey(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

/** The key in an `Authorization: Bearer …` header; null: it holds something else. */
export function readApiKey(header: string): string | null {
  return readForm(header, form)
}

/** The same of a key that sends payloads of one source. */
export function readSourceKey(header: string): string | null {
  return readForm(header, sourceForm)
}

function readForm(header: string, wanted: RegExp): string | null {
  const [, credentials = ''] = /^bearer +(\S+) *$/i.exec(header) ?? []
  return wanted.test(credentials) ? credentials : null
}
