import { sha256 } from '#runtime/read/json-text.ts'

// An index entry holds at most 2704 bytes: https://www.postgresql.org/docs/current/limits.html and btree.html
const maxKeyBytes = 1000
/** UTF-8 needs no more for what is one char in a string. */
const bytesPerChar = 3

/** `key`, or its hash if it is too long for an index. */
export function indexable(key: string): string {
  if (bytesPerChar * key.length <= maxKeyBytes) return key
  return Buffer.byteLength(key) <= maxKeyBytes ? key : sha256(key)
}
