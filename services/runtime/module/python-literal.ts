export type Literal = null | boolean | number | string | Literal[] | { [key: string]: Literal }

export class LiteralError extends Error {
  constructor(what: string, at: number) {
    super(`${what} at character ${at} of a Python literal`)
    this.name = 'LiteralError'
  }
}

export type LiteralLimits = { maxLength: number; maxDepth: number }
const defaultLimits: LiteralLimits = { maxLength: 4 * 1024 * 1024, maxDepth: 100 }

const blank = /[ \t\n\r\f]*/y
const number = /-?(?:0|[1-9][0-9]*)(\.[0-9]*)?([eE][-+]?[0-9]+)?/y
const word = /(?:True|False|None)(?![A-Za-z0-9_])/y
const words: Record<string, Literal> = { True: true, False: false, None: null }
const escapes: Record<string, string> = { '\\': '\\', "'": "'", '"': '"', n: '\n', r: '\r', t: '\t' }
const codeLengths: Record<string, number> = { x: 2, u: 4, U: 8 }

/**
 * Parses what Python's `repr` writes for dict (with keys str or int), list, tuple, str, int, float, True, False and
 * None. Evaluates no code. Anything else is a LiteralError, and so is a text that is too long or too deep, or an
 * integer that a double cannot hold.
 */
export function readPythonLiteral(text: string, limits: LiteralLimits = defaultLimits): Literal {
  if (text.length > limits.maxLength)
    throw new LiteralError(`more than ${limits.maxLength} characters`, limits.maxLength)
  const reader = new Reader(text, limits.maxDepth)
  const value = reader.value(0)
  reader.end()
  return value
}

class Reader {
  #at = 0
  readonly #text: string
  readonly #maxDepth: number

  constructor(text: string, maxDepth: number) {
    this.#text = text
    this.#maxDepth = maxDepth
  }

  value(depth: number): Literal {
    if (depth > this.#maxDepth) throw new LiteralError(`more than ${this.#maxDepth} levels`, this.#at)
    this.#skip()
    const first = this.#text[this.#at]
    if (first === '{') return Object.fromEntries(this.#members('}', () => this.#entry(depth + 1)).items)
    if (first === '[') return this.#members(']', () => this.value(depth + 1)).items
    if (first === '(') return this.#tuple(depth + 1)
    if (first === "'" || first === '"') return this.#string(first)
    const name = this.#match(word)
    if (name) return words[name] as Literal
    return this.#number()
  }

  end(): void {
    this.#skip()
    if (this.#at < this.#text.length) throw new LiteralError('text after the value', this.#at)
  }

  #members<T>(close: string, one: () => T): { items: T[]; commas: number } {
    const items: T[] = []
    let commas = 0
    this.#at++
    for (;;) {
      if (this.#take(close)) return { items, commas }
      if (items.length > commas) throw new LiteralError(`no comma or ${close}`, this.#at)
      items.push(one())
      if (this.#take(',')) commas++
    }
  }

  #entry(depth: number): [string, Literal] {
    const start = this.#at
    const key = this.value(depth)
    if (typeof key !== 'string' && !Number.isInteger(key))
      throw new LiteralError('a key that is neither str nor int', start)
    if (!this.#take(':')) throw new LiteralError('no colon after the key', this.#at)
    return [String(key), this.value(depth)]
  }

  /** A single value in parentheses without a comma is that value. */
  #tuple(depth: number): Literal {
    const { items, commas } = this.#members(')', () => this.value(depth))
    return items.length === 1 && commas === 0 ? (items[0] as Literal) : items
  }

  #string(quote: string): string {
    const start = this.#at++
    let value = ''
    for (let from = this.#at; ; this.#at++) {
      const char = this.#text[this.#at]
      if (char === undefined || char === '\n' || char === '\r') throw new LiteralError('an unterminated str', start)
      if (char !== quote && char !== '\\') continue
      value += this.#text.slice(from, this.#at)
      if (char === quote) {
        this.#at++
        return value
      }
      value += this.#escape()
      from = this.#at + 1
    }
  }

  /** The character of an escape. Leaves the position on the last character of the escape. */
  #escape(): string {
    const start = this.#at++
    const kind = this.#text[this.#at] ?? ''
    const simple = escapes[kind]
    if (simple !== undefined) return simple
    const length = codeLengths[kind]
    const digits = this.#text.slice(this.#at + 1, this.#at + 1 + (length ?? 0))
    const code = Number.parseInt(digits, 16)
    if (!length || !/^[0-9a-fA-F]+$/.test(digits) || digits.length < length || code > 0x10ffff)
      throw new LiteralError('an unknown escape', start)
    this.#at += length
    return String.fromCodePoint(code)
  }

  #number(): number {
    const start = this.#at
    const text = this.#match(number)
    const value = Number(text ?? Number.NaN)
    const isFloat = text !== null && /[.eE]/.test(text)
    if (!Number.isFinite(value) || /[A-Za-z0-9_.]/.test(this.#text[this.#at] ?? ''))
      throw new LiteralError('no dict, list, tuple, str, number, True, False or None', start)
    if (!isFloat && !Number.isSafeInteger(value)) throw new LiteralError('an int above 2^53', start)
    return value
  }

  #take(char: string): boolean {
    this.#skip()
    if (this.#text[this.#at] !== char) return false
    this.#at++
    return true
  }

  #skip(): void {
    this.#match(blank)
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (!found) return null
    this.#at = pattern.lastIndex
    return found[0]
  }
}
