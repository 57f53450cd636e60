import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readPicture } from '../../../test/harness/picture.ts'
import { drawSpark } from './draw-small.ts'

const day = 86_400_000

test('a line over its times, small and silent', () => {
  const points = Array.from({ length: 365 }, (_, index) => ({ at: index * day, value: Math.sin(index / 9) * 1e6 }))
  const svg = drawSpark(points, { from: 0, to: 364 * day })
  expect(svg.length).toBeLessThan(1600)
  expect(svg.replace(/ d="[^"]*"/, '').length).toBeLessThan(160)
  const [root, path] = readPicture(svg)
  expect(root?.attributes).toMatchObject({ 'aria-hidden': 'true', class: 'spark' })
  expect(path?.attributes['d']).toMatch(/^M3,12L/)
})

test('a gap is a gap, and a value that stands alone is a dot', () => {
  const values = [1, 2, null, 3, null, 4, 5]
  const points = values.map((value, index) => ({ at: index * day, value }))
  const [, path] = readPicture(drawSpark(points, { from: 0, to: 6 * day }))
  expect(path?.attributes['d']).toMatch(/^M[^M]*L[^M]*M[^LM]*h0M[^M]*L[^M]*$/)
})

test.each([
  ['no value', []],
  ['one value', [{ at: 0, value: 1 }]],
  [
    'one value in its times',
    [
      { at: -day, value: 1 },
      { at: 0, value: 1 },
    ],
  ],
])('%s gives nothing', (_, points) => {
  expect(drawSpark(points, { from: 0, to: day })).toBe('')
})

test('any numbers give a line within its size', () => {
  const value = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(0, 1e15, 1e-9, -1e15, 5, null),
  )
  fc.assert(
    fc.property(fc.array(value, { maxLength: 40 }), (values) => {
      const svg = drawSpark(
        values.map((one, index) => ({ at: index * day, value: one })),
        { from: 0, to: 40 * day },
      )
      const [, path] = svg === '' ? [] : readPicture(svg)
      const numbers = (path?.attributes['d'] ?? '').match(/-?\d+(\.\d+)?/g)?.map(Number) ?? []
      expect(svg).not.toMatch(/NaN|Infinity|undefined/)
      expect(numbers.every((number) => number >= 0 && number <= 96)).toBe(true)
    }),
  )
})
