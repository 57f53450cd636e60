import { describe, expect, test } from 'vitest'
import { idOf, payloadId, sha256 } from './identify.ts'

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
