import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countJsonValues } from './count-json-values.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

/** Counted on the parsed value. Members that are repeated in the text are not seen here. */
function countParsed(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1
  return Object.values(value).reduce<number>((sum, one) => sum + countParsed(one), 1)
}

test('counts what a parse builds, in any layout', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), fc.constantFrom('', ' ', '\t', '\n'), (value, indent) => {
      const text = JSON.stringify(value, null, indent)
      expect(countJsonValues(Buffer.from(text))).toBe(countParsed(JSON.parse(text)))
    }),
  )
})

test.each([
  ['1', 1],
  ['[]', 1],
  ['{ \n }', 1],
  ['[[],{},[ ]]', 4],
  ['{"a":1,"a":2}', 3],
  ['"[,{\\",["', 1],
  ['["\\\\",1]', 3],
  ['{"a,b":"[[["}', 2],
])('%s has %i', (text, count) => expect(countJsonValues(Buffer.from(text))).toBe(count))

test('of a text that is cut off, counts at least the values before the cut', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.nat(), (values, at) => {
      const text = JSON.stringify(values)
      const whole = values.filter((_, index) => JSON.stringify(values.slice(0, index + 1)).length <= at)
      expect(countJsonValues(Buffer.from(text.slice(0, at)))).toBeGreaterThanOrEqual(
        whole.reduce<number>((sum, value) => sum + countParsed(value), 1),
      )
    }),
  )
})

test.each(['', '"', '"\\', '[', '{"', ']', '}}', '[,,'])('reads %j without an end', (text) => {
  expect(countJsonValues(Buffer.from(text))).toBeGreaterThanOrEqual(1)
})
