import { createHash } from 'node:crypto'
import { formatNumber } from './format.ts'

/** Of one text in UTF-8. */
const maxTextBytes = 4096
/** Of a text that identifies something: an index of Postgres takes no longer one. */
const maxKeyBytes = 2000
/** Room for what is said of the rest. */
const noteBytes = 100
const maxEntries = 100

/**
 * A value with all its texts clipped: longer ones end with how many characters are left out, and those of members named
 * `…_key` with a hash instead, so that they still differ. An object of more than 100 members has the first 99 and how many
 * there were more. So a record of a few such values is below 1 MiB. What is clipped stays as it is when clipped again.
 */
export function clipTexts<T>(value: T): T
export function clipTexts(value: unknown): unknown {
  if (typeof value === 'string') return clipText(value)
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value)
  const isWhole = entries.length <= maxEntries
  const kept = entries
    .slice(0, isWhole ? maxEntries : maxEntries - 1)
    .map(([name, one]) => [
      clipKey(name),
      name.endsWith('_key') && typeof one === 'string' ? clipKey(one) : clipTexts(one),
    ])
  if (!isWhole) kept.push(['…', `${formatNumber(entries.length - kept.length)} more`])
  return Object.fromEntries(kept)
}

function clipText(text: string): string {
  if (fits(text, maxTextBytes)) return text
  const head = takeBytes(text, maxTextBytes - noteBytes)
  return `${head}… (${formatNumber(text.length - head.length)} more characters)`
}

function clipKey(text: string): string {
  if (fits(text, maxKeyBytes)) return text
  return `${takeBytes(text, maxKeyBytes - noteBytes)}… sha256:${createHash('sha256').update(text).digest('hex')}`
}

function fits(text: string, bytes: number): boolean {
  // A UTF-16 unit takes at most three bytes.
  return text.length * 3 <= bytes || (text.length <= bytes && Buffer.byteLength(text) <= bytes)
}

/** The beginning of `text` in at most `bytes` bytes of UTF-8, without half a character at its end. */
function takeBytes(text: string, bytes: number): string {
  const head = Buffer.from(text.slice(0, bytes + 4)).subarray(0, bytes)
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(head, { stream: true })
}
