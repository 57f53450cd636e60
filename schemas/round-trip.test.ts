import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { listSchemas, parseSchema, readSchema } from './avro.ts'
import { readGoldens } from './golden.ts'
import { readValue } from './read-value.ts'
import type { AvroSchema } from './render-types.ts'
import { createWriter, EncodeError, frameBytes } from './write-value.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

// avsc garbles longs below -2^52 (Tap.writeLong loses a bit): for a time that is 140,000 years before Christ.
const longs = { min: -(2 ** 52), max: Number.MAX_SAFE_INTEGER - 1 }
const text = fc.string({ unit: 'binary', maxLength: 100 })
const primitives: Record<string, fc.Arbitrary<unknown>> = {
  null: fc.constant(null),
  boolean: fc.boolean(),
  int: fc.integer(),
  long: fc.oneof(fc.integer(longs), fc.constantFrom(longs.min, longs.max)),
  double: fc.double(),
  string: text,
  bytes: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
}

function valuesOf(schema: AvroSchema): fc.Arbitrary<unknown> {
  if (Array.isArray(schema)) return fc.oneof(...schema.map(valuesOf))
  if (typeof schema === 'string') return primitives[schema] as fc.Arbitrary<unknown>
  if ('fields' in schema)
    return fc.record(Object.fromEntries(schema.fields.map(({ name, type }) => [name, valuesOf(type)])), {
      noNullPrototype: true,
    })
  if ('symbols' in schema) return fc.constantFrom(...schema.symbols)
  if ('items' in schema) return fc.array(valuesOf(schema.items), { maxLength: 10 })
  // A key of this name sets the prototype of the object that is read, as everywhere in JavaScript.
  const keys = text.filter((key) => key !== '__proto__')
  if ('values' in schema) return fc.dictionary(keys, valuesOf(schema.values), { maxKeys: 10, noNullPrototype: true })
  return valuesOf(schema.type)
}

describe.each(listSchemas())('%s', (name) => {
  const type = parseSchema(readSchema(name))
  const reader = type.createResolver(type)
  const values = valuesOf(JSON.parse(readSchema(name)) as AvroSchema)
  const write = createWriter()

  test('what is written is read again, framed with its schema id', () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 2 ** 31 - 1 }), (value, id) => {
        const bytes = write(type, id, value)
        expect(bytes[0]).toBe(0)
        expect(bytes.readUInt32BE(1)).toBe(id)
        expect(readValue(reader, bytes, frameBytes)).toEqual(value)
      }),
    )
  })

  test('a value cut off anywhere is refused, and so is one with more behind it', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (value, part) => {
        const bytes = write(type, 1, value)
        const cut = frameBytes + Math.floor((bytes.length - frameBytes) * part)
        expect(() => readValue(reader, bytes.subarray(0, cut), frameBytes)).toThrow()
        expect(() => readValue(reader, Buffer.concat([bytes, Buffer.alloc(1)]), frameBytes)).toThrow()
      }),
    )
  })

  test('arbitrary bytes are read or refused, and either at once', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
        let value: unknown
        try {
          value = readValue(reader, Buffer.from(noise), 0)
        } catch {
          return
        }
        expect(type.isValid(value)).toBe(true)
      }),
      { interruptAfterTimeLimit: 20_000, markInterruptAsFailure: true },
    )
  })
})

test('a garbled length of a list is refused without reading on behind the end', () => {
  const items = { type: 'array', items: 'string' }
  const type = parseSchema(JSON.stringify(items))
  const aBillion = Buffer.from('80a8d6b907', 'hex')
  expect(type.fromBuffer(Buffer.concat([Buffer.from([2, 0]), Buffer.from([0])]))).toEqual([''])
  expect(() => readValue(type.createResolver(type), aBillion, 0)).toThrow('ends early, at byte 5')
})

test('the buffer grows to a value of 8 MiB, and what was given before stays as it was', () => {
  const type = parseSchema('"bytes"')
  const reader = type.createResolver(type)
  const write = createWriter()
  const small = write(type, 1, Buffer.from('small'))
  const large = Buffer.alloc(8 * 1024 * 1024, 'x')
  expect((readValue(reader, write(type, 2, large), frameBytes) as Buffer).equals(large)).toBe(true)
  expect(readValue(reader, small, frameBytes)).toEqual(Buffer.from('small'))
})

describe('a value that does not fit', () => {
  const type = parseSchema(readSchema('news'))
  const good = type.fromBuffer(readGoldens('news').at(-1)?.bytes[0] ?? Buffer.alloc(0)) as object

  test.each<[string, object, string]>([
    ['null', { title: null }, 'title is null, not string'],
    ['missing', { title: undefined }, 'title is undefined, not string'],
    ['another type', { group_size: '3' }, 'group_size is string, not int'],
    ['a fraction', { group_size: 1.5 }, 'group_size is the number 1.5, not int'],
    ['too large', { observed_at: 2 ** 60 }, 'observed_at is the number 1152921504606847000, not long'],
    ['not in a union', { item_key: 7 }, 'item_key is the number 7, not null or string'],
    ['no symbol', { severity: 'loud' }, 'severity is string, not parma.Severity'],
    ['inside a map', { facts: { stars: 7 } }, 'facts.stars is the number 7, not string'],
    ['inside a record', { rule: { id: 'x', version: [] } }, 'rule.version is Array, not int'],
    ['in two places', { title: 1, silent: 'no' }, 'title is the number 1, not string; silent is string, not boolean'],
  ])('is named: %s', (_, change, message) => {
    const write = createWriter()
    expect(() => write(type, 1, { ...good, ...change })).toThrow(
      new EncodeError(`parma.News cannot be written: ${message}`),
    )
  })
})
