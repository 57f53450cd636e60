const [quote, backslash, comma] = [0x22, 0x5c, 0x2c]
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d]
/** Blank, tab, line feed and carriage return are below or equal. */
const lastBlank = 0x20

/**
 * The number of values in a JSON text (UTF-8): scalars, lists and objects at any depth; a member counts by its value.
 * Reads the bytes once and builds nothing, so that a limit holds before anything is parsed. Of a text that is not JSON,
 * the result is at least the number of values before its first mistake.
 */
export function countJsonValues(json: Uint8Array): number {
  // Each comma comes before one more value. So does the bracket of a list or an object, unless it is empty.
  let count = 1
  let opened = false
  for (let at = 0; at < json.length; at++) {
    const byte = json[at] as number
    if (byte <= lastBlank) continue
    if (opened && byte !== closeBrace && byte !== closeBracket) count++
    opened = byte === openBrace || byte === openBracket
    if (byte === comma) count++
    else if (byte === quote) at = endOfString(json, at)
  }
  return count
}

/** The index of the quote that ends the string at `start`, or the length if there is none. */
function endOfString(json: Uint8Array, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    if (json[at] === backslash) at++
    else if (json[at] === quote) return at
  }
  return json.length
}
