import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalCompanyId, idOf, isHistory, payloadId, sha256 } from './identify.ts'

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

describe('payloadId', () => {
  const facts = { sourceId: 7, companyId: '1', run: 'task:5', contentHash: sha256('{}'), idempotencyKey: null }

  test('is always the same for the same facts', () => {
    expect(payloadId(facts)).toBe(payloadId({ ...facts }))
    expect(payloadId(facts)).toBe('0477f8d5-78f3-5310-b9ea-66133dc8681d')
  })

  test('differs for another source, company, run or content', () => {
    const others = [
      { sourceId: 8 },
      { companyId: '2' },
      { run: 'task:6' },
      { run: 'jti:5' },
      { contentHash: sha256('[]') },
    ]
    const ids = [facts, ...others.map((other) => ({ ...facts, ...other }))].map(payloadId)
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('a key replaces run and content, but not source and company', () => {
    const keyed = { ...facts, idempotencyKey: 'k' }
    expect(payloadId({ ...keyed, run: 'task:6', contentHash: sha256('[]') })).toBe(payloadId(keyed))
    const ids = [
      facts,
      keyed,
      { ...keyed, sourceId: 8 },
      { ...keyed, companyId: '2' },
      { ...keyed, idempotencyKey: 'l' },
    ].map(payloadId)
    expect(new Set(ids).size).toBe(5)
  })

  test('different lists of facts never have the same id', () => {
    expect(idOf('a', 'b,c')).not.toBe(idOf('a', 'b', 'c'))
    expect(idOf('a', 1)).not.toBe(idOf('a', '1'))
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
