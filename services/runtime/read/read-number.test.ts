import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readNumber } from './read-number.ts'

fc.configureGlobal({ seed: 20261126 })

test('every double is read exactly, whatever its spelling', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), (number, long) => {
      const text = long && Math.abs(number) < 1e21 && Math.abs(number) > 1e-6 ? `${number}` : number.toExponential()
      expect(readNumber(text)).toEqual({ number: number || 0, text: null })
    }),
  )
})

test.each([
  ['1.50', 1.5, null],
  ['15e-1', 1.5, null],
  ['+007', 7, null],
  ['.5', 0.5, null],
  ['5.', 5, null],
  ['0.000', 0, null],
  ['9007199254740993', 9007199254740992, '9007199254740993'],
  ['1e-400', 0, '1e-400'],
  ['1e400', Infinity, '1e400'],
])('%s is %d', (text, number, digits) => {
  expect(readNumber(text)).toEqual({ number, text: digits })
})

test.each(['', '.', '-', '1,2', '0x1', '1e', 'NaN', 'Infinity', '1 2', '١'])('%j is not a number', (text) => {
  expect(readNumber(text)).toBeNull()
})

test('very many digits need no quadratic time', { timeout: 2000 }, () => {
  expect(readNumber(`1${'0'.repeat(4_000_000)}1`)?.number).toBe(Infinity)
  expect(readNumber(`0.${'0'.repeat(4_000_000)}1`)?.number).toBe(0)
})
