import fc from 'fast-check'
import { expect, test } from 'vitest'
import { innermostList, lastKey } from '../text/value-path.ts'
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
/** Paths with a few of these are cut. */
const anyKey = fc.oneof(
  { weight: 3, arbitrary: key },
  fc
    .tuple(fc.constantFrom('k', '["', '\\', '].[]'), fc.integer({ min: 60, max: 600 }))
    .map(([text, n]) => text.repeat(n)),
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

test('of a path that was cut, no list is known but one after the cut', () => {
  const isCut = (prefix: string, path: string) => !path.startsWith(prefix) || path.includes('…sha256:', prefix.length)
  const levels = fc.array(fc.record({ key: anyKey, isList: fc.boolean() }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(levels, anyKey, (outer, leaf) => {
      let [path, list] = ['', null as string | null]
      for (const one of outer) {
        const next = pathOf(path, one.key)
        if (isCut(path, next)) list = null
        path = next + (one.isList ? '[]' : '')
        if (one.isList) list = path
      }
      const whole = pathOf(path, leaf)
      expect(innermostList(whole)).toBe(isCut(path, whole) ? null : list)
      const key = lastKey(whole)
      if (!isCut(path, whole)) expect(key).toBe(leaf)
    }),
    { numRuns: 5000 },
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
