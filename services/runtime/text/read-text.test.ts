import fc from 'fast-check'
import { expect, test } from 'vitest'
import { locateInvalidUtf8 } from './read-text.ts'

// The same cases in each run.
fc.configureGlobal({ seed: 1 })

const valid = fc.string({ unit: 'binary', maxLength: 30 }).map((text) => Buffer.from(text.toWellFormed()))

test('text in UTF-8 is valid everywhere', () => {
  fc.assert(fc.property(valid, (bytes) => locateInvalidUtf8(bytes) === null))
  expect(locateInvalidUtf8(Buffer.from('日'.repeat(100_000)))).toBeNull()
})

test.each([
  [[0xff], 'no first byte'],
  [[0x80], 'a later byte'],
  [[0xc3], 'half a character'],
  [[0xc0, 0xaf], 'an overlong form'],
  [[0xed, 0xa0, 0x80], 'half a surrogate pair'],
  [[0xf4, 0x90, 0x80, 0x80], 'beyond Unicode'],
  [[0xe9, 0x20], 'Latin-1'],
])('%j (%s) is found where it begins, whatever stands around it', (wrong) => {
  // A character after it would not complete it: all begin with a first byte.
  fc.assert(
    fc.property(valid, valid, fc.constantFrom(0, 1, 65_533, 65_535, 65_536, 200_000), (before, after, more) => {
      const start = Buffer.concat([Buffer.alloc(more, 'x'), before])
      expect(locateInvalidUtf8(Buffer.concat([start, Buffer.from(wrong), after]))).toBe(start.length)
    }),
  )
})
