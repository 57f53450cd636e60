import fc from 'fast-check'
import { expect, test } from 'vitest'
import { innermostList, lastKey } from '#runtime/text/value-path.ts'
import { isStorable, pathOf } from './json-text.ts'

fc.configureGlobal({ seed: 20261129 })

const pieces = [
  'a',
  'repos',
  '.',
  '[',
  ']',
  '[]',
  '"',
  '\\',
  '["',
  '"]',
  '>',
  '\0',
  '\ud800',
  '\udc00',
  '😀',
  ' ',
  'é',
  '',
]
const key = fc.oneof(
  fc.array(fc.constantFrom(...pieces), { maxLength: 4 }).map((those) => those.join('')),
  fc.string(),
)
const level = fc.record({ key, isList: fc.boolean() })

test('the list and the key of a value are read back from its path, whatever keys there are', () => {
  fc.assert(
    fc.property(fc.array(level, { minLength: 1, maxLength: 4 }), key, (levels, leaf) => {
      let [path, list] = ['', null as string | null]
      for (const one of levels) {
        path = pathOf(path, one.key) + (one.isList ? '[]' : '')
        if (one.isList) list = path
      }
      const whole = pathOf(path, leaf)
      expect(innermostList(whole)).toBe(list)
      expect(lastKey(whole)).toBe(leaf)
      expect(isStorable(whole)).toBe(true)
    }),
    { numRuns: 2000 },
  )
})

test('different places have different paths', () => {
  fc.assert(
    fc.property(fc.array(level, { maxLength: 3 }), fc.array(level, { maxLength: 3 }), (a, b) => {
      const print = (levels: typeof a) =>
        levels.reduce((path, one) => pathOf(path, one.key) + (one.isList ? '[]' : ''), '')
      expect(print(a) === print(b)).toBe(JSON.stringify(a) === JSON.stringify(b))
    }),
    { numRuns: 2000 },
  )
})
