import fc from 'fast-check'
import { expect, test } from 'vitest'
import { difference } from './difference.ts'

test('names what has changed, was added and was removed', () => {
  const before = { name: 'a', when: { kind: 'percent', by: 10 }, enabled: true }
  const after = { name: 'a', when: { kind: 'above', level: 3 }, buckets: [1, 2], enabled: null }
  expect(difference(before, after)).toEqual([
    { path: 'when kind', before: 'percent', after: 'above' },
    { path: 'when by', before: '10', after: null },
    { path: 'enabled', before: 'true', after: 'none' },
    { path: 'when level', before: null, after: '3' },
    { path: 'buckets', before: null, after: '1, 2' },
  ])
  expect(difference(null, 3)).toEqual([{ path: '', before: null, after: '3' }])
  expect(difference({ a: {} }, null)).toEqual([{ path: 'a', before: 'empty', after: null }])
  expect(difference({ a: [{ b: 1 }] }, { a: [] })).toEqual([{ path: 'a', before: '[{"b":1}]', after: '' }])
})

test('is nothing of equal values, keeps texts short, and takes every JSON', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      expect(difference(a, a)).toEqual([])
      for (const { before, after } of difference(a, b))
        expect(Math.max(before?.length ?? 0, after?.length ?? 0)).toBeLessThanOrEqual(161)
    }),
  )
})
