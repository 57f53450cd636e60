import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalCompanyId, isHistory } from './payload-rules.ts'

// The same cases in each run.
fc.configureGlobal({ seed: 1 })

describe('canonicalCompanyId', () => {
  test.each([
    ...[
      ['1', '1'],
      ['01', '1'],
      [' 1', '1'],
      ['1\n', '1'],
      ['+1', '1'],
      ['000', '0'],
      ['-0', '0'],
      ['-01', '-1'],
      ['0010', '10'],
    ],
    ['00012345678901234567890', '12345678901234567890'],
    ...['', ' ', '1.0', '1e3', '0x1', '1_000', 'abc', '1 2', '--1', '+-1', '١', '1a'].map((text) => [text, text]),
  ])('%j is %j', (text, id) => expect(canonicalCompanyId(String(text))).toBe(id))

  test('is itself canonical', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.bigInt().map(String)), (text) => {
        const id = canonicalCompanyId(text)
        expect(canonicalCompanyId(id)).toBe(id)
      }),
    )
  })
})

test('history begins after 24 hours', () => {
  const day = 24 * 60 * 60 * 1000
  expect([isHistory(day, null), isHistory(day, 0), isHistory(day + 1, 0), isHistory(0, day)]).toEqual([
    false,
    false,
    true,
    false,
  ])
})
