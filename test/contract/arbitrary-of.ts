import fc from 'fast-check'

/** The part of JSON Schema that /openapi.json uses. */
export type Schema = {
  type?: string | string[]
  anyOf?: Schema[]
  enum?: unknown[]
  const?: unknown
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: Schema | boolean
  items?: Schema
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  pattern?: string
}

/** Existing ids, tokens and the like by name of the member. They reach code that random values do not. */
export type Known = Record<string, readonly unknown[]>

/** Values that are valid by `schema`. A member that is in `known` often has a value from there. */
export function arbitraryOf(schema: Schema, known: Known = {}): fc.Arbitrary<unknown> {
  const { anyOf, type } = schema
  if ('const' in schema) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (anyOf) return fc.oneof(...anyOf.map((one) => arbitraryOf(one, known)))
  if (Array.isArray(type)) return fc.oneof(...type.map((one) => arbitraryOf({ ...schema, type: one }, known)))
  switch (type) {
    case 'null':
      return fc.constant(null)
    case 'boolean':
      return fc.boolean()
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -(2 ** 53), max: schema.maximum ?? 2 ** 53 })
    case 'number':
      return fc.double({ min: schema.minimum ?? -1e300, max: schema.maximum ?? 1e300, noNaN: true })
    case 'string':
      return textOf(schema)
    case 'array':
      return fc.array(arbitraryOf(schema.items ?? {}, known), { maxLength: 5 })
    case 'object':
      return objectOf(schema, known)
    case undefined:
      return fc.jsonValue({ maxDepth: 3 })
    default:
      throw new Error(`no values of type ${type} are known here`)
  }
}

/** Values that are nearly valid: one member is missing, has another type, or is added. */
export function nearlyValid(schema: Schema, known: Known = {}): fc.Arbitrary<unknown> {
  const names = Object.keys(schema.properties ?? {})
  if (names.length === 0) return fc.jsonValue({ maxDepth: 3 })
  const change = fc.record({ name: fc.constantFrom(...names, '__proto__', 'constructor', ''), value: wrong })
  return fc.tuple(objectOf(schema, known), change, fc.boolean()).map(([valid, { name, value }, isDropped]) => {
    const rest = Object.entries(valid).filter(([key]) => key !== name)
    return Object.fromEntries(isDropped ? rest : [...rest, [name, value]])
  })
}

const wrong: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(
    '\0',
    'x'.repeat(3000),
    2 ** 31,
    -(2 ** 31) - 1,
    2 ** 53 + 1,
    1e300,
    1.5,
    '1e3',
    'NaN',
    '😀'.repeat(60),
  ),
)

function textOf({ minLength = 0, maxLength = 200, pattern }: Schema): fc.Arbitrary<string> {
  const any = fc.oneof(
    fc.string({ unit: 'binary', minLength, maxLength: Math.min(maxLength, 300) }),
    fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, 60) }),
    fc.integer({ min: minLength, max: maxLength }).map((length) => 'é'.repeat(length)),
  )
  if (!pattern) return any.filter((text) => [...text].length <= maxLength)
  const allowed = new RegExp(pattern, 'u')
  const some = fc.oneof(any, fc.stringMatching(allowed))
  return some.filter((text) => allowed.test(text) && [...text].length <= maxLength)
}

function objectOf(
  { properties = {}, required = [], additionalProperties }: Schema,
  known: Known,
): fc.Arbitrary<Record<string, unknown>> {
  const members = Object.entries(properties).map(([name, schema]): [string, fc.Arbitrary<unknown>] => {
    const value = arbitraryOf(schema, known)
    return [name, known[name] ? fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...known[name]) }, value) : value]
  })
  const named = fc.record(Object.fromEntries(members), { requiredKeys: required })
  if (!additionalProperties || Object.keys(properties).length > 0) return named as fc.Arbitrary<Record<string, unknown>>
  const more = additionalProperties === true ? {} : additionalProperties
  return fc.dictionary(fc.string(), arbitraryOf(more, known), { maxKeys: 5 })
}
