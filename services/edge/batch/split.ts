import { HttpError } from '../http/http-error.ts'

/** One payload of a batch: its bytes, unchanged; null: it is larger than one may be, and was not kept. */
export type Piece = Buffer | null

/** Takes a body chunk by chunk. Throws an HttpError where it cannot tell one payload from the next. */
export type Splitter = {
  push(chunk: Buffer): void
  /** After the last chunk. `isList`: false for a single payload. */
  end(): { isList: boolean }
}

const [quote, backslash, comma, lineFeed] = [0x22, 0x5c, 0x2c, 0x0a]
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d]
const isBlank = (byte: number) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

/**
 * Splits newline-delimited JSON into its lines, without blanks around them; empty ones are skipped. Only a line feed ends
 * a line: in JSON it cannot be part of a string.
 */
export function splitLines(maxBytes: number, take: (piece: Piece) => void): Splitter {
  const piece = collect(maxBytes, take)
  return {
    push(chunk) {
      let start = 0
      for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
        piece.add(chunk.subarray(start, end))
        piece.end()
        start = end + 1
      }
      piece.add(chunk.subarray(start))
    },
    end() {
      piece.end()
      return { isList: true }
    },
  }
}

/** Where the splitter of JSON is: before, within or after the list; before, within or after a payload. */
type Place = 'start' | 'first' | 'next' | 'within' | 'after' | 'end'

/**
 * Splits a JSON list into its elements; an object is one payload. What is within an element is not checked: it is JSON or
 * not, whatever its neighbours are. Keeps no more than the current element, however large the list is.
 */
export function splitJson(maxBytes: number, take: (piece: Piece) => void): Splitter {
  const piece = collect(maxBytes, take)
  const scan = createScan()
  let place: Place = 'start'
  let isList = false
  let count = 0
  let received = 0

  function fail(message: string, at: number): never {
    const position = received + at
    const error = `${message}, after ${count} payloads: byte ${position} of the body`
    const detail = {
      type: 'json_invalid',
      loc: ['body', position],
      msg: 'JSON decode error',
      input: {},
      ctx: { error },
    }
    throw new HttpError(422, [detail])
  }

  function step(chunk: Buffer, at: number): number {
    if (place === 'within') {
      const end = scan.findEnd(chunk, at)
      piece.add(chunk.subarray(at, end ?? chunk.length))
      if (end === null) return chunk.length
      count++
      piece.end()
      place = isList ? 'after' : 'end'
      return end
    }
    const byte = chunk[at]!
    const next = placeAfter(place, byte)
    if (typeof next !== 'string') fail(next.wrong, at)
    if (place === 'start' && next !== 'start') isList = next === 'first'
    place = next
    if (place !== 'within') return at + 1
    scan.begin(byte)
    return at
  }

  return {
    push(chunk) {
      for (let at = 0; at < chunk.length;) at = step(chunk, at)
      received += chunk.length
    },
    end() {
      if (place !== 'end') fail('The body ends too early', 0)
      return { isList }
    },
  }
}

/** Where the splitter is after a byte between payloads. */
function placeAfter(place: Exclude<Place, 'within'>, byte: number): Place | { wrong: string } {
  if (isBlank(byte)) return place
  switch (place) {
    case 'start':
      if (byte === openBracket) return 'first'
      return byte === openBrace ? 'within' : { wrong: 'Expecting a list or an object' }
    case 'after':
      if (byte === comma) return 'next'
      return byte === closeBracket ? 'end' : { wrong: "Expecting ',' delimiter" }
    case 'end':
      return { wrong: 'Extra data' }
    default:
      if (byte === closeBracket && place === 'first') return 'end'
      return byte === comma || byte === closeBracket || byte === closeBrace ? { wrong: 'Expecting value' } : 'within'
  }
}

/** Finds the end of one JSON value after the other, in chunks. */
function createScan() {
  let kind: 'nested' | 'string' | 'scalar' = 'nested'
  let depth = 0
  let isInString = false
  let isEscaped = false

  return {
    /** A value begins with this byte, which is scanned next. */
    begin(byte: number): void {
      kind = byte === openBrace || byte === openBracket ? 'nested' : byte === quote ? 'string' : 'scalar'
      depth = 0
      isInString = false
    },
    /** The index after the value that begins or goes on at `start`; null: it goes on in the next chunk. */
    findEnd(chunk: Buffer, start: number): number | null {
      if (kind === 'scalar') return findDelimiter(chunk, start)
      for (let at = start; at < chunk.length; at++) {
        const byte = chunk[at]
        if (isInString) {
          if (isEscaped) isEscaped = false
          else if (byte === backslash) isEscaped = true
          else if (byte === quote) {
            isInString = false
            if (kind === 'string') return at + 1
          }
        } else if (byte === quote) isInString = true
        else if (byte === openBrace || byte === openBracket) depth++
        else if ((byte === closeBrace || byte === closeBracket) && --depth === 0) return at + 1
      }
      return null
    },
  }
}

function findDelimiter(chunk: Buffer, start: number): number | null {
  for (let at = start; at < chunk.length; at++) {
    const byte = chunk[at]!
    if (byte === comma || byte === closeBracket || isBlank(byte)) return at
  }
  return null
}

/** Puts the chunks of one payload together, unless they are too many bytes. */
function collect(maxBytes: number, take: (piece: Piece) => void) {
  let parts: Buffer[] = []
  let size = 0
  return {
    add(part: Buffer): void {
      // Blanks do not begin a payload, and there may be any number of them.
      const rest = size === 0 ? trimStart(part) : part
      size += rest.length
      if (size > maxBytes) parts = []
      else if (rest.length > 0) parts.push(rest)
    },
    end(): void {
      if (size > maxBytes) take(null)
      else if (size > 0) take(trimEnd(parts.length === 1 ? parts[0]! : Buffer.concat(parts, size)))
      parts = []
      size = 0
    },
  }
}

function trimStart(bytes: Buffer): Buffer {
  let start = 0
  while (start < bytes.length && isBlank(bytes[start]!)) start++
  return bytes.subarray(start)
}

function trimEnd(bytes: Buffer): Buffer {
  let end = bytes.length
  while (end > 0 && isBlank(bytes[end - 1]!)) end--
  return bytes.subarray(0, end)
}
