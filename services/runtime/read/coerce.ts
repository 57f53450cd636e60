import { isStorable, jsonText } from './json-text.ts'
import type { Json } from './parse.ts'
import { readDate, readEpoch } from './read-date.ts'
import { readNumber } from './read-number.ts'

/** The data types of a map that have a value, in lower case. `nested` has other entries instead. */
export const valueTypes = ['int', 'float', 'text', 'paragraph', 'comment', 'link', 'image', 'date', 'bool'] as const
export type ValueType = (typeof valueTypes)[number]

/** The tables `public.measurement_<column>_value`. */
export const columns = ['int', 'float', 'text', 'paragraph', 'comment', 'link', 'image', 'date'] as const
export type Column = (typeof columns)[number]

/** A value as stored. `date`: ms since 1970. `text`: beside `members` the list's JSON, beside `number` its digits. */
export type Coerced = {
  column: Column
  number: number | null
  text: string | null
  date: number | null
  members: string[] | null
}

export type CoerceProblem =
  | 'wrong-kind'
  | 'not-a-number'
  | 'out-of-range'
  | 'not-a-bool'
  | 'not-a-date'
  | 'no-such-date'
  | 'ambiguous-date'
  | 'unstorable-text'

/** Kinds of JSON. `list`: of scalars, or of lists of scalars. `structure`: an object, or a list with objects in it. */
export type Kind = 'text' | 'number' | 'bool' | 'list' | 'structure'

type Outcome = Coerced | CoerceProblem
type Rule = (node: never, column: Column) => Outcome
type Text = Extract<Json, { kind: 'text' }>
type Numeral = Extract<Json, { kind: 'number' }>
type Bool = Extract<Json, { kind: 'bool' }>
type List = Extract<Json, { kind: 'list' }>

const nothing = { number: null, text: null, date: null, members: null }
const wrongKind = (): Outcome => 'wrong-kind'

const texts = (text: string, column: Column): Outcome =>
  isStorable(text) ? { ...nothing, column, text } : 'unstorable-text'
const asText = {
  text: ({ value }: Text, column: Column) => texts(value, column),
  number: ({ text }: Numeral, column: Column) => texts(text, column),
  bool: ({ value }: Bool, column: Column) => texts(String(value), column),
  list: (list: List, column: Column): Outcome => ({
    ...nothing,
    column,
    text: jsonText(list),
    members: membersOf(list),
  }),
  structure: (node: Json, column: Column) => texts(jsonText(node), column),
}
const asNumber = {
  text: ({ value }: Text, column: Column) => numbers(value.trim(), column),
  number: ({ text }: Numeral, column: Column) => numbers(text, column),
  bool: ({ value }: Bool, column: Column): Outcome => ({ ...nothing, column, number: Number(value) }),
  list: wrongKind,
  structure: wrongKind,
}
const asDate = {
  text: ({ value }: Text, column: Column) => dates(readDate(value), column),
  number: ({ text }: Numeral, column: Column) => dates(readEpoch(text), column),
  bool: wrongKind,
  list: wrongKind,
  structure: wrongKind,
}
const asBool = {
  text: ({ value }: Text, column: Column) => bools(value.trim().toLowerCase(), column),
  number: ({ text }: Numeral, column: Column) =>
    bools(readNumber(text)?.text === null ? String(Number(text)) : text, column),
  bool: asNumber.bool,
  list: wrongKind,
  structure: wrongKind,
}

/** The coercions of each type: the table, the kinds it expects, and what becomes of each kind. */
export const coercions: Record<ValueType, { column: Column; expects: readonly Kind[]; rules: Record<Kind, Rule> }> = {
  int: { column: 'int', expects: ['number'], rules: asNumber },
  float: { column: 'float', expects: ['number'], rules: asNumber },
  text: { column: 'text', expects: ['text', 'list'], rules: asText },
  paragraph: { column: 'paragraph', expects: ['text', 'list'], rules: asText },
  comment: { column: 'comment', expects: ['text', 'list'], rules: asText },
  link: { column: 'link', expects: ['text', 'list'], rules: asText },
  image: { column: 'image', expects: ['text', 'list'], rules: asText },
  date: { column: 'date', expects: ['text', 'number'], rules: asDate },
  bool: { column: 'int', expects: ['bool'], rules: asBool },
}

/** Converts a JSON value other than null to a map's type: the value as stored, or why it is refused. */
export function coerce(type: ValueType, node: Json): Outcome {
  const { column, rules } = coercions[type]
  return rules[kindOf(node)](node as never, column)
}

export function kindOf(node: Json): Kind {
  if (node.kind === 'object' || (node.kind === 'list' && !node.flat)) return 'structure'
  if (node.kind === 'null') throw new TypeError('null is not a value')
  return node.kind
}

/** What an int4 column cannot hold (fractions, large numbers) goes to the float table. */
function numbers(digits: string, column: Column): Outcome {
  const read = readNumber(digits)
  if (!read) return 'not-a-number'
  const { number, text } = read
  if (!Number.isFinite(number)) return 'out-of-range'
  const fits = text === null && number === (number | 0)
  return { column: column === 'int' && !fits ? 'float' : column, number, text, date: null, members: null }
}

function dates(date: ReturnType<typeof readDate>, column: Column): Outcome {
  return typeof date === 'number' ? { ...nothing, column, date } : date
}

function bools(text: string, column: Column): Outcome {
  const number = ['false', '0'].includes(text) ? 0 : ['true', '1'].includes(text) ? 1 : null
  return number === null ? 'not-a-bool' : { ...nothing, column, number }
}

/** The members of a list, each once, sorted: text as it is, anything else (and text that cannot be stored) as JSON. */
function membersOf({ items }: List): string[] {
  const members = items.map((item) => (item.kind === 'text' && isStorable(item.value) ? item.value : jsonText(item)))
  return [...new Set(members)].sort()
}
