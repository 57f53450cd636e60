type Located = { message: string; position: number }

class Found extends Error {
  readonly located: Located
  constructor(message: string, position: number) {
    super(message)
    this.located = { message, position }
  }
}

const blank = /[ \t\n\r]*/y
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y
const literal = /true|false|null/y

const plain = /[^"\\\u0000-\u001f]*/y
const hex = /[0-9a-fA-F]{4}/y

/**
 * What is wrong with a text that is not JSON, and where, in the words of Python's json, which the predecessor's clients
 * see in `ctx.error`. null: nothing is wrong. Recursive: the caller limits the depth.
 */
export function locateJsonError(text: string): Located | null {
  try {
    const end = skipBlank(text, readValue(text, skipBlank(text, 0)))
    return end === text.length ? null : { message: 'Extra data', position: end }
  } catch (error) {
    if (error instanceof Found) return error.located
    throw error
  }
}

function readValue(text: string, at: number): number {
  const first = text[at]
  if (first === '"') return readString(text, at)
  if (first === '{')
    return readMembers(text, at + 1, '}', readMember, 'Expecting property name enclosed in double quotes')
  if (first === '[') return readMembers(text, at + 1, ']', readValue, null)
  const end = match(number, text, at) ?? match(literal, text, at)
  if (end === null) throw new Found('Expecting value', at)
  return end
}

/**
 * Members up to `close`, separated by commas. `mustQuote` is the error for a member that does not begin with a quote.
 */
function readMembers(
  text: string,
  start: number,
  close: string,
  readOne: (text: string, at: number) => number,
  mustQuote: string | null,
): number {
  let at = skipBlank(text, start)
  if (text[at] === close) return at + 1
  for (;;) {
    if (mustQuote && text[at] !== '"') throw new Found(mustQuote, at)
    at = skipBlank(text, readOne(text, at))
    if (text[at] === close) return at + 1
    if (text[at] !== ',') throw new Found("Expecting ',' delimiter", at)
    at = skipBlank(text, at + 1)
  }
}

function readMember(text: string, start: number): number {
  const at = skipBlank(text, readString(text, start))
  if (text[at] !== ':') throw new Found("Expecting ':' delimiter", at)
  return readValue(text, skipBlank(text, at + 1))
}

function readString(text: string, start: number): number {
  for (let at = start + 1; ;) {
    at = match(plain, text, at) ?? at
    if (text[at] === '"') return at + 1
    if (at >= text.length) throw new Found('Unterminated string starting at', start)
    if (text[at] !== '\\') throw new Found('Invalid control character at', at)
    const escape = text[at + 1]
    if (escape === undefined) throw new Found('Unterminated string starting at', start)
    if (escape === 'u') {
      const end = match(hex, text, at + 2)
      if (end === null) throw new Found('Invalid \\uXXXX escape', at + 1)
      at = end
    } else if ('"\\/bfnrt'.includes(escape)) at += 2
    else throw new Found('Invalid \\escape', at)
  }
}

function skipBlank(text: string, at: number): number {
  return match(blank, text, at) ?? at
}

function match(pattern: RegExp, text: string, at: number): number | null {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : null
}
