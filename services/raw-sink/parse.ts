import { isSafeNumber } from 'lossless-json'

/** A number with more digits than a double can hold, as its source text. */
export interface RawNumber {
  readonly rawJSON: string
}
export type Json = null | boolean | number | string | RawNumber | Json[] | { [name: string]: Json }

// Not in TypeScript's lib yet: https://github.com/tc39/proposal-json-parse-with-source
const json = JSON as unknown as {
  parse(text: string, revive?: (name: string, value: Json, context: { source: string }) => Json): Json
  rawJSON(source: string): RawNumber
  isRawJSON(value: unknown): value is RawNumber
}

const maybeLong = /[\d.]{16}|\d[eE]/

/**
 * The value of a JSON text with all digits: `JSON.stringify` gives back the same numbers. Of members with the same name
 * the last one counts. Throws a SyntaxError, or a RangeError when the nesting exhausts the stack.
 *
 * Two other readers of JSON have other needs: the edge's knows byte positions and Python's words, the normalizer's
 * keeps the order of leaves.
 */
export function parseJson(text: string): Json {
  if (!maybeLong.test(text)) return json.parse(text)
  return json.parse(text, (_name, value, { source }) =>
    typeof value === 'number' && !isSafeNumber(source) ? json.rawJSON(source) : value,
  )
}

export const isRawNumber = (value: Json): value is RawNumber => json.isRawJSON(value)

export function isObject(value: Json | undefined): value is { [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value)
}
