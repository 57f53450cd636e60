import { invalidValue } from '../http/validation.ts'

const maxRemembered = 10_000

/** Throws an HttpError when this process remembers the event with another content. */
export type CheckKey = (eventId: string, contentHash: string, key: string) => void

/**
 * Remembers the contents of events whose id the caller chose by Idempotency-Key. Only a help to find mistakes early:
 * consumers compare the hashes too, and theirs is the last word.
 */
export function createKeyCheck(): CheckKey {
  const contents = new Map<string, string>()
  return (eventId, contentHash, key) => {
    const known = contents.get(eventId)
    if (known !== undefined && known !== contentHash)
      throw invalidValue(['header', 'idempotency-key'], 'this key was already used with another body', key)
    const [oldest] = contents.keys()
    if (contents.size >= maxRemembered && oldest !== undefined) contents.delete(oldest)
    contents.set(eventId, contentHash)
  }
}
