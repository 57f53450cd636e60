import fc from 'fast-check'
import { expect, test } from 'vitest'
import { splitPayloads } from './split-payloads.ts'

fc.configureGlobal({ seed: 20261129 })

const texts = (text: string) => splitPayloads(text)?.map((one) => one.text)

test('numbers keep their digits, and strings may look like JSON', () => {
  expect(splitPayloads('[{"id":12345678901234567890,"a":"],{[\\""}, [1, 2],\n 1.50]')).toEqual([
    { text: '{"id":12345678901234567890,"a":"],{[\\""}', place: 'element 0' },
    { text: '[1, 2]', place: 'element 1' },
    { text: '1.50', place: 'element 2' },
  ])
})

test('NDJSON has a payload a line, one that is not JSON too; other texts are one payload', () => {
  expect(splitPayloads('\uFEFF{"a":1}\r\n\n{"b":\n')).toEqual([
    { text: '{"a":1}', place: 'line 1' },
    { text: '{"b":', place: 'line 3' },
  ])
  expect(texts('{\n "a": 1\n}\n')).toEqual(['{\n "a": 1\n}'])
  expect(texts('oops')).toEqual(['oops'])
})

test('an array that is not JSON is none; nothing is no payload', () => {
  expect(splitPayloads('[{"a":1},')).toBeNull()
  expect(splitPayloads(' \n')).toEqual([])
  expect(splitPayloads('[ ]')).toEqual([])
})

test('a text of many characters is one token', () => {
  expect(texts(`["${'\\"['.repeat(3_000_000)}"]`)).toHaveLength(1)
})

test('any array gives its elements', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 2), (values, blanks) => {
      expect(texts(JSON.stringify(values, null, blanks))?.map((one) => JSON.parse(one) as unknown)).toEqual(
        JSON.parse(JSON.stringify(values)),
      )
    }),
  )
})
