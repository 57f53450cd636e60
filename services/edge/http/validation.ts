import { z } from 'zod'
import { fewValues, JsonError, readJson, TooManyValuesError } from '#runtime/read/read-json.ts'
import { EncodingError } from '#runtime/text/read-text.ts'
import { HttpError } from './http-error.ts'

const detail = z.object({
  type: z.string(),
  loc: z.array(z.union([z.string(), z.int()])),
  msg: z.string(),
  input: z.unknown(),
  ctx: z.record(z.string(), z.unknown()).optional(),
})

/** One member of the `detail` list of a 422, in the form of FastAPI and pydantic (contract section 3). */
export type Detail = z.output<typeof detail>

/** The body of a 422. */
export const invalid = z.object({ detail: z.array(detail).min(1) })

const maxInt4 = 2 ** 31 - 1
/** Longer inputs are not repeated in the response. */
const maxEchoedInput = 2048

/** pydantic's lax integer: a whole number, its decimal text, or a boolean, within Postgres's integer. */
export const lenientInt = lenient(z.int32())

/** The same within `bounds`. Of those that begin at 1, a boolean is none. */
export function lenient(bounds: z.ZodInt32) {
  const isPositive = (bounds.minValue ?? 0) >= 1
  const read = z.preprocess((value) => {
    if (typeof value === 'boolean' && !isPositive) return Number(value)
    if (typeof value === 'string' && /^\s*[+-]?\d+(_\d+)*(\.0+)?\s*$/.test(value))
      return Number(value.replaceAll('_', ''))
    return value
  }, bounds)
  // The pattern is simplified: longer texts are accepted too, if they are a number within the bounds.
  if (isPositive) return read.meta({ type: ['integer', 'string'], pattern: '^ *[+]?[1-9][0-9]{0,8}(\\.0+)? *$' })
  return read.meta({ type: ['integer', 'string', 'boolean'], pattern: '^ *[+-]?[0-9]{1,9}(\\.0+)? *$' })
}

/** Text that Postgres can hold. A number is not text. */
export const text = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => !value.includes('\0'), 'must not contain U+0000')
    .meta({ pattern: '^[^\\u0000]*$' })

/**
 * `value`, parsed by `schema`. Throws an HttpError with 422 that lists every mistake. `place` is where `value` was
 * sent.
 */
export function validate<S extends z.ZodType>(
  schema: S,
  value: unknown,
  place: 'body' | 'query' | 'path' | 'header',
): z.output<S> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new HttpError(
    422,
    parsed.error.issues.map((issue) => toDetail(issue, value, place)),
  )
}

/** A 422 for a value that is wrong only because of other facts. */
export function invalidValue(loc: Detail['loc'], message: string, input: unknown): HttpError {
  return new HttpError(422, [withInput(valueError(loc, message), input)])
}

/**
 * The JSON of a body, parsed by `schema`. With a `contentType` other than JSON the body is not an object (422). A body
 * of more than `maxValues` JSON values is refused unparsed (413).
 */
export function validateBody<S extends z.ZodType>(
  schema: S,
  body: Buffer,
  contentType: string | undefined,
  maxDepth: number,
  maxValues = fewValues,
): z.output<S> {
  if (body.length === 0) throw new HttpError(422, [missing(['body'], null)])
  if (!isJsonType(contentType))
    throw new HttpError(422, [notAnObject(['body'], body.toString('utf8', 0, maxEchoedInput))])
  const value = parse(body, maxDepth, maxValues)
  if (value === null) throw new HttpError(422, [missing(['body'], null)])
  return validate(schema, value, 'body')
}

const packed = 'The body is gzip in place of JSON: its content-encoding is missing, or it was packed twice.'

function isGzip(body: Buffer): boolean {
  return body[0] === 0x1f && body[1] === 0x8b
}

function parse(body: Buffer, maxDepth: number, maxValues: number): unknown {
  try {
    return readJson(body, maxDepth, maxValues)
  } catch (error) {
    if (error instanceof TooManyValuesError) throw new HttpError(413, `The body holds ${error.message}.`)
    if (error instanceof EncodingError)
      throw new HttpError(400, isGzip(body) ? packed : `The body is ${error.message}.`)
    if (!(error instanceof JsonError)) throw error
    const ctx = { error: error.message }
    throw new HttpError(422, [
      { type: 'json_invalid', loc: ['body', error.position], msg: 'JSON decode error', input: {}, ctx },
    ])
  }
}

function isJsonType(contentType: string | undefined): boolean {
  return contentType === undefined || /^\s*application\/([^;]+\+)?json\s*(;|$)/i.test(contentType)
}

function toDetail(issue: z.core.$ZodIssue, root: unknown, place: string): Detail {
  const path = issue.path.filter((key) => typeof key !== 'symbol')
  const loc = [place, ...path]
  const input = valueAt(root, path)
  if (input === undefined) return missing(loc, place === 'body' ? valueAt(root, path.slice(0, -1)) : null)
  return withInput(describe(issue, input, loc), input)
}

/** The members in pydantic's order. */
function withInput({ ctx, ...rest }: Omit<Detail, 'input'>, input: unknown): Detail {
  return { ...rest, input: echo(input), ...(ctx && { ctx }) }
}

function describe(issue: z.core.$ZodIssue, input: unknown, loc: Detail['loc']): Omit<Detail, 'input'> {
  const describeAs = (type: string, msg: string, ctx?: Detail['ctx']) => ({ type, loc, msg, ...(ctx && { ctx }) })
  switch (issue.code) {
    case 'invalid_type':
      if (issue.expected === 'string') return describeAs('string_type', 'Input should be a valid string')
      if (issue.expected === 'object') return notAnObject(loc, input)
      if (issue.expected === 'record') return describeAs('dict_type', 'Input should be a valid dictionary')
      if (issue.expected === 'array') return describeAs('list_type', 'Input should be a valid list')
      return describeAs(...describeInt(input))
    case 'too_big':
    case 'too_small':
      return describeAs(...describeSize(issue))
    default:
      return valueError(loc, issue.message)
  }
}

type Description = [type: string, msg: string, ctx?: Detail['ctx']]

function describeSize(issue: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall): Description {
  const characters = (count: number) => `${count} character${count === 1 ? '' : 's'}`
  if (issue.code === 'too_small') {
    if (issue.origin === 'string') {
      const min_length = Number(issue.minimum)
      return ['string_too_short', `String should have at least ${characters(min_length)}`, { min_length }]
    }
    const ge = Math.max(Number(issue.minimum), -maxInt4 - 1)
    return ['greater_than_equal', `Input should be greater than or equal to ${ge}`, { ge }]
  }
  const maximum = Number(issue.maximum)
  if (issue.origin === 'string')
    return ['string_too_long', `String should have at most ${characters(maximum)}`, { max_length: maximum }]
  // zod first checks whether a number is a safe integer, and would name that bound.
  const le = Math.min(maximum, maxInt4)
  return ['less_than_equal', `Input should be less than or equal to ${le}`, { le }]
}

function describeInt(input: unknown): Description {
  if (typeof input === 'string')
    return ['int_parsing', 'Input should be a valid integer, unable to parse string as an integer']
  if (typeof input !== 'number') return ['int_type', 'Input should be a valid integer']
  if (!Number.isFinite(input)) return ['finite_number', 'Input should be a finite number']
  return ['int_from_float', 'Input should be a valid integer, got a number with a fractional part']
}

function valueError(loc: Detail['loc'], message: string): Omit<Detail, 'input'> {
  return { type: 'value_error', loc, msg: `Value error, ${message}`, ctx: { error: {} } }
}

function missing(loc: Detail['loc'], input: unknown): Detail {
  return { type: 'missing', loc, msg: 'Field required', input: echo(input) }
}

function notAnObject(loc: Detail['loc'], input: unknown): Detail {
  const msg = 'Input should be a valid dictionary or object to extract fields from'
  return { type: 'model_attributes_type', loc, msg, input: echo(input) }
}

function valueAt(root: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (Object.hasOwn(Object(value) as object, key) ? (value as Record<string, unknown>)[key] : undefined),
    root,
  )
}

function echo(input: unknown): unknown {
  return (JSON.stringify(input) ?? '').length > maxEchoedInput ? null : input
}
