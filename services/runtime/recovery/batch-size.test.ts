import { expect, test } from 'vitest'
import { BatchSize, manyTries } from './batch-size.ts'

test('records are halved after ten tries, then at each failure, until the one that fails stands alone', () => {
  const size = new BatchSize(500)
  expect([size.now, size.tries]).toEqual([500, manyTries])
  const sizes: number[] = []
  for (let count = 500; count > 1; count = size.now) {
    size.halve(count)
    sizes.push(size.now)
    expect(size.tries).toBe(1)
  }
  expect(sizes).toEqual([250, 125, 62, 31, 15, 7, 3, 1])
})

test('what passes doubles the size again', () => {
  const size = new BatchSize(5)
  size.halve(3)
  expect(size.isWhole).toBe(false)
  for (const expected of [2, 4, 5, 5]) {
    size.passed()
    expect(size.now).toBe(expected)
  }
  expect(size.isWhole).toBe(true)
})
