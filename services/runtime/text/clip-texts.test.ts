import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clipTexts } from './clip-texts.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

test('texts of up to 4 kB and 100 members stay as they are', () => {
  const value = {
    a: 'x'.repeat(4096),
    n: 1,
    none: null,
    is: true,
    facts: { b: 'ü'.repeat(2048), c_key: 'k'.repeat(2000) },
  }
  expect(clipTexts(value)).toEqual(value)
  const full = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`k${n}`, 'v']))
  expect(clipTexts(full)).toEqual(full)
})

test('a longer text says how many characters are left out', () => {
  const { message } = clipTexts({ message: 'x'.repeat(3_000_000) })
  expect(message).toBe(`${'x'.repeat(3996)}… (2,996,004 more characters)`)
  expect(clipTexts('🚀'.repeat(3000))).toBe(`${'🚀'.repeat(999)}… (4,002 more characters)`)
})

test('longer keys stay different', () => {
  const [one, two] = ['a', 'b'].map((end) => clipTexts({ dedupe_key: 'x'.repeat(5000) + end }).dedupe_key)
  expect(one).toMatch(/^x{1900}… sha256:[0-9a-f]{64}$/)
  expect(one).not.toBe(two)
})

test('more members are counted', () => {
  const facts = Object.fromEntries(Array.from({ length: 100_100 }, (_, n) => [`k${n}`, 'v']))
  const clipped = clipTexts({ facts }).facts
  expect(Object.keys(clipped)).toHaveLength(100)
  expect(clipped['…']).toBe('100,001 more')
})

test('whatever is clipped is below 1 MiB, legal UTF-8, and stays the same when it is clipped again', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc
      .tuple(fc.constantFrom('x', 'ü', '株', '🚀', '\ufeff'), fc.integer({ min: 1, max: 20_000 }))
      .map(([unit, n]) => unit.repeat(n)),
  )
  const facts = fc.dictionary(text, text, { minKeys: 0, maxKeys: 150 })
  fc.assert(
    fc.property(facts, text, (facts, message) => {
      const clipped = clipTexts({ message, dedupe_key: message, facts })
      const json = JSON.stringify(clipped)
      expect(json.isWellFormed()).toBe(true)
      expect(clipTexts(clipped)).toEqual(clipped)
      // As jsonb keeps it, in another order.
      const reordered = Object.fromEntries(Object.entries(clipped.facts).reverse())
      expect(clipTexts(reordered)).toEqual(clipped.facts)
      expect(Buffer.byteLength(clipped.message)).toBeLessThanOrEqual(4096)
      expect(Buffer.byteLength(clipped.dedupe_key)).toBeLessThanOrEqual(2000)
      const entries = Object.entries(clipped.facts)
      expect(entries.length).toBeLessThanOrEqual(100)
      for (const [name, fact] of entries)
        expect(Buffer.byteLength(name) + Buffer.byteLength(fact)).toBeLessThanOrEqual(6096)
    }),
    { numRuns: 60 },
  )
})
