import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EncodingError } from '../text/read-text.ts'
import { JsonError, readJson, sliceMember } from './read-json.ts'

// The same cases in each run.
fc.configureGlobal({ seed: 1 })

const bytes = (text: string) => Buffer.from(text)

describe('readJson', () => {
  test('reads JSON', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(readJson(bytes(text), 100)).toEqual(JSON.parse(text))
      }),
    )
  })

  test.each([
    ['{"a":1', "Expecting ',' delimiter", 6],
    ['{"a":NaN}', 'Expecting value', 5],
    ['[Infinity]', 'Expecting value', 1],
    ['\ufeff{}', 'Expecting value', 0],
    ['{"é😀": }', 'Expecting value', 7],
    [`["😀",${'['.repeat(100)}`, 'nested deeper than 100 levels', 104],
  ])('%j: %s, %i', (text, message, position) => {
    expect(() => readJson(bytes(text), 100)).toThrow(expect.objectContaining({ message, position }))
  })

  test('rejects a body that is not UTF-8', () => {
    expect(() => readJson(Buffer.from([0x22, 0xff, 0x22]), 100)).toThrow(EncodingError)
    expect(() => readJson(Buffer.from('{}', 'utf16le'), 100)).toThrow(JsonError)
  })

  test('rejects one level too many, before building anything', () => {
    const nested = (levels: number) => bytes('['.repeat(levels) + ']'.repeat(levels))
    expect(readJson(nested(10), 10)).toBeInstanceOf(Array)
    expect(() => readJson(nested(11), 10)).toThrow(
      expect.objectContaining({ message: 'nested deeper than 10 levels', position: 10 }),
    )
    expect(() => readJson(bytes('{"é":'.repeat(4_000_000)), 1000)).toThrow('nested deeper than 1000 levels')
  })

  test('brackets in texts are not levels', () => {
    expect(readJson(bytes('["[[[[", "\\"[[[["]'), 1)).toEqual(['[[[[', '"[[[['])
  })
})

describe('sliceMember', () => {
  test.each([
    ['{"raw_data":{"a":1}}', '{"a":1}'],
    ['{ "raw_data" : { "a" : 9007199254740993 } , "b" : 2 }', '{ "a" : 9007199254740993 }'],
    ['{"a":{"raw_data":{"b":1}},"raw_data":{}}', '{}'],
    ['{"a":"raw_data","raw_data":[1,{"raw_data":2}]}', '[1,{"raw_data":2}]'],
    ['{"raw_data":{"x":1},"raw_data":{"y":2}}', '{"y":2}'],
    ['{"raw\\u005fdata":1e400}', '1e400'],
    ['{"s":"}{\\"\\\\","raw_data":"\\",]"}', '"\\",]"'],
    ['{"raw_data":\n null \t}', 'null'],
    ['{"é日🎉":"ü","raw_data":{"é":"日"}}', '{"é":"日"}'],
  ])('%s', (text, slice) => expect(sliceMember(bytes(text), 'raw_data')?.toString()).toBe(slice))

  test.each(['{}', '{"a":1}', '{"a":{"raw_data":1}}', '{"a":"raw_data"}', '{"a":["raw_data"]}'])(
    '%s has none',
    (text) => {
      expect(sliceMember(bytes(text), 'raw_data')).toBeNull()
    },
  )

  test('finds the same as JSON.parse', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.integer({ min: 0, max: 3 }), (object, indent) => {
        const body = bytes(JSON.stringify(object, null, indent))
        const parsed = JSON.parse(body.toString()) as Record<string, unknown>
        for (const [name, value] of Object.entries(parsed)) {
          const slice = sliceMember(body, name)
          expect(JSON.parse(String(slice))).toEqual(value)
        }
      }),
    )
  })
})
