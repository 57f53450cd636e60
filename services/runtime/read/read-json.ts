import { isUtf8 } from 'node:buffer'
import { countJsonValues } from '../text/count-json-values.ts'
import { EncodingError } from '../text/read-text.ts'
import { locateJsonError } from './locate-json-error.ts'

/** The body is not JSON. `position` counts characters from 0; `message` is that of Python's json. */
export class JsonError extends Error {
  readonly position: number
  constructor(message: string, position: number) {
    super(message)
    this.name = 'JsonError'
    this.position = position
  }
}

/** The body holds more values than its reader takes. Nothing of it was parsed. */
export class TooManyValuesError extends Error {
  constructor(count: number, maxValues: number) {
    super(`${count} JSON values, and at most ${maxValues} are read`)
    this.name = 'TooManyValuesError'
  }
}

/** Values in a body where nothing large is legal. */
export const fewValues = 10_000

/**
 * The value of a JSON text. Throws a JsonError, an EncodingError or a TooManyValuesError. Nesting deeper than `maxDepth`
 * and more values than `maxValues` are errors before anything is parsed: a value takes up to some hundred times the
 * memory of its bytes. NaN and Infinity are errors too, which Python writes and no other reader accepts. raw-sink and
 * the normalizer read the same bytes for other ends: digits kept, order, leaves.
 */
export function readJson(body: Buffer, maxDepth: number, maxValues = fewValues): unknown {
  if (!isUtf8(body)) throw new EncodingError(body)
  const tooDeep = findDepth(body, maxDepth)
  if (tooDeep !== null)
    throw new JsonError(`nested deeper than ${maxDepth} levels`, countCharacters(body.toString('utf8', 0, tooDeep)))
  const count = countJsonValues(body)
  if (count > maxValues) throw new TooManyValuesError(count, maxValues)
  const text = body.toString('utf8')
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    const { message, position } = locateJsonError(text) ?? { message: (error as Error).message, position: 0 }
    throw new JsonError(message, countCharacters(text.slice(0, position)))
  }
}

/** The length in Python, which counts a surrogate pair as one character. */
function countCharacters(text: string): number {
  return text.replaceAll(/[\ud800-\udbff][\udc00-\udfff]/g, ' ').length
}

/** The bytes of the member `name` of the JSON object in `body`, unchanged; null: there is none. */
export function sliceMember(body: Buffer, name: string): Buffer | null {
  let found: Buffer | null = null
  // If a name occurs several times, the last one counts, as in every parser.
  for (const member of membersOf(body)) if (member.name === name) found = trim(body.subarray(...member.value))
  return found
}

/** A name that several members of the JSON object in `body` have; null: there is none. */
export function findRepeatedName(body: Buffer): string | null {
  const seen = new Set<string>()
  for (const { name } of membersOf(body)) {
    if (seen.has(name)) return name
    seen.add(name)
  }
  return null
}

/** The members of the JSON object in `body`: their names, and where their values are. */
function* membersOf(body: Buffer): Generator<{ name: string; value: [start: number, end: number] }> {
  let depth = 0
  let key: [start: number, end: number] | null = null
  let valueStart = -1
  for (let at = 0; at < body.length; at++) {
    const byte = body[at]
    if (byte === quote) {
      const end = endOfString(body, at)
      if (depth === 1 && valueStart === -1) key = [at, end]
      at = end - 1
    } else if (byte === openBrace || byte === openBracket) depth++
    else if (byte === colon && depth === 1) valueStart = at + 1
    else if (byte === closeBrace || byte === closeBracket || byte === comma) {
      if (depth === 1 && key && valueStart !== -1) {
        yield { name: JSON.parse(body.toString('utf8', ...key)) as string, value: [valueStart, at] }
        key = null
        valueStart = -1
      }
      if (byte !== comma) depth--
    }
  }
}

const [quote, backslash, colon, comma] = [0x22, 0x5c, 0x3a, 0x2c]
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d]

/** The index at which `body` is nested deeper than `maxDepth`; null: nowhere. */
function findDepth(body: Buffer, maxDepth: number): number | null {
  let depth = 0
  for (let at = 0; at < body.length; at++) {
    const byte = body[at]
    if (byte === quote) at = endOfString(body, at) - 1
    else if (byte === openBrace || byte === openBracket) {
      if (++depth > maxDepth) return at
    } else if (byte === closeBrace || byte === closeBracket) depth--
  }
  return null
}

/** The index after the string that begins at `start`, or the end of the body if the string is unterminated. */
function endOfString(body: Buffer, start: number): number {
  for (let at = start + 1; at < body.length; at++) {
    if (body[at] === backslash) at++
    else if (body[at] === quote) return at + 1
  }
  return body.length
}

function trim(bytes: Buffer): Buffer {
  const isBlank = (byte: number | undefined) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
  let [start, end] = [0, bytes.length]
  while (isBlank(bytes[start])) start++
  while (isBlank(bytes[end - 1])) end--
  return bytes.subarray(start, end)
}
