/**
 * JSON as in its source text: members in their order, repeated ones too, numbers with all their digits, no prototypes.
 * Leaves are numbered in the order of the text. A leaf is a scalar, a null, a list without objects at any depth, or an
 * empty object. `seq` is the number of a node's first leaf, `leaves` how many it has.
 */
export type Json = Scalar | List | Structure
type Scalar =
  | { kind: 'null'; seq: number; leaves: 1 }
  | { kind: 'bool'; value: boolean; seq: number; leaves: 1 }
  | { kind: 'number'; text: string; seq: number; leaves: 1 }
  | { kind: 'text'; value: string; seq: number; leaves: 1 }
export type List = { kind: 'list'; items: Json[]; flat: boolean; seq: number; leaves: number }
export type Structure = { kind: 'object'; members: Member[]; seq: number; leaves: number }
/** `overridden`: a later member of the same object has the same key and counts instead. */
type Member = { key: string; value: Json; overridden: boolean }

export type Limits = { MAX_LEAVES: number; MAX_DEPTH: number }
export type ParseProblem = 'unparsable' | 'too-deep' | 'too-many-leaves'
export type Parsed = { root: Json; problem?: never } | { root?: never; problem: ParseProblem; message: string }

// Characters that need an escape in a string: https://www.rfc-editor.org/rfc/rfc8259#section-7
const special = /[\u0000-\u001f\\]/
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y

/**
 * Reads JSON text (RFC 8259, strictly). Each scalar counts towards MAX_LEAVES, also in a list that is one leaf, so the
 * limit bounds the memory. Never throws.
 */
export function parse(text: string, limits: Limits): Parsed {
  try {
    return { root: new Reader(text, limits).document() }
  } catch (error) {
    if (error instanceof Unreadable) return { problem: error.problem, message: error.message }
    throw error
  }
}

class Unreadable extends Error {
  readonly problem: ParseProblem
  constructor(problem: ParseProblem, message: string) {
    super(message)
    this.problem = problem
  }
}

class Reader {
  readonly #text: string
  readonly #limits: Limits
  #at = 0
  #seq = 0
  #scalars = 0

  constructor(text: string, limits: Limits) {
    this.#text = text
    this.#limits = limits
  }

  document(): Json {
    const root = this.#value(1)
    this.#skipBlanks()
    if (this.#at < this.#text.length) throw this.#unexpected()
    return root
  }

  #value(depth: number): Json {
    this.#skipBlanks()
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth)
      case '[':
        return this.#list(depth)
      case '"':
        return { kind: 'text', value: this.#string(), seq: this.#leaf(), leaves: 1 }
      case 't':
        this.#word('true')
        return { kind: 'bool', value: true, seq: this.#leaf(), leaves: 1 }
      case 'f':
        this.#word('false')
        return { kind: 'bool', value: false, seq: this.#leaf(), leaves: 1 }
      case 'n':
        this.#word('null')
        return { kind: 'null', seq: this.#leaf(), leaves: 1 }
      default: {
        number.lastIndex = this.#at
        if (!number.test(this.#text)) throw this.#unexpected()
        const digits = this.#text.slice(this.#at, number.lastIndex)
        this.#at = number.lastIndex
        return { kind: 'number', text: digits, seq: this.#leaf(), leaves: 1 }
      }
    }
  }

  #object(depth: number): Structure {
    const seq = this.#open(depth)
    const members: Member[] = []
    const last = new Map<string, Member>()
    if (!this.#closes('}'))
      do {
        this.#skipBlanks()
        if (this.#text[this.#at] !== '"') throw this.#unexpected()
        const key = this.#string()
        this.#skipBlanks()
        this.#word(':')
        const member = { key, value: this.#value(depth + 1), overridden: false }
        const earlier = last.get(key)
        if (earlier) earlier.overridden = true
        last.set(key, member)
        members.push(member)
      } while (this.#continues('}'))
    if (members.length === 0) this.#leaf()
    return { kind: 'object', members, seq, leaves: this.#seq - seq }
  }

  #list(depth: number): List {
    const seq = this.#open(depth)
    const items: Json[] = []
    let flat = true
    if (!this.#closes(']'))
      do {
        const item = this.#value(depth + 1)
        if (item.kind === 'object' || (item.kind === 'list' && !item.flat)) flat = false
        items.push(item)
      } while (this.#continues(']'))
    if (items.length === 0) this.#leaf()
    if (flat) this.#seq = seq + 1
    return { kind: 'list', items, flat, seq, leaves: this.#seq - seq }
  }

  #leaf(): number {
    if (++this.#scalars > this.#limits.MAX_LEAVES)
      throw new Unreadable('too-many-leaves', `more than ${this.#limits.MAX_LEAVES} values`)
    return this.#seq++
  }

  #open(depth: number): number {
    if (depth > this.#limits.MAX_DEPTH)
      throw new Unreadable('too-deep', `nested deeper than ${this.#limits.MAX_DEPTH} levels`)
    this.#at++
    return this.#seq
  }

  #closes(end: string): boolean {
    this.#skipBlanks()
    if (this.#text[this.#at] !== end) return false
    this.#at++
    return true
  }

  #continues(end: string): boolean {
    if (this.#closes(end)) return false
    this.#word(',')
    return true
  }

  #string(): string {
    const start = this.#at
    let end = this.#text.indexOf('"', start + 1)
    while (end > 0 && this.#isEscaped(end)) end = this.#text.indexOf('"', end + 1)
    if (end < 0) throw new Unreadable('unparsable', 'not JSON: ends within a string')
    this.#at = end + 1
    const plain = this.#text.slice(start + 1, end)
    if (!special.test(plain)) return plain
    try {
      return JSON.parse(this.#text.slice(start, end + 1)) as string
    } catch {
      throw new Unreadable('unparsable', `not JSON: a string with a bad escape or a control character at ${start}`)
    }
  }

  #isEscaped(at: number): boolean {
    let backslashes = 0
    while (this.#text[at - 1 - backslashes] === '\\') backslashes++
    return backslashes % 2 === 1
  }

  #word(word: string): void {
    if (!this.#text.startsWith(word, this.#at)) throw this.#unexpected()
    this.#at += word.length
  }

  #skipBlanks(): void {
    while (isBlank(this.#text.charCodeAt(this.#at))) this.#at++
  }

  #unexpected(): Unreadable {
    const { length } = this.#text
    const what =
      this.#at < length ? `unexpected ${JSON.stringify(this.#text[this.#at])} at ${this.#at}` : 'ends too early'
    return new Unreadable('unparsable', `not JSON: ${what}`)
  }
}

/** Blank, tab, line feed, carriage return. */
function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d
}
