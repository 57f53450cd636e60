import fc from 'fast-check'
import { expect, test } from 'vitest'
import { inHalves } from './in-halves.ts'

test('property: every item is read once, in order, and its place is told', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer(), { maxLength: 300 }), async (items) => {
      const asked: number[] = []
      const halves = await inHalves(items, async (half) => {
        asked.push(half.length)
        return half.map((item, place) => ({ item, place }))
      })
      expect(halves.flatMap(({ rows }) => rows.map(({ item }) => item))).toEqual(items)
      for (const { from, rows } of halves) for (const { item, place } of rows) expect(items[from + place]).toBe(item)
      expect(Math.max(...asked) - Math.min(...asked)).toBeLessThanOrEqual(1)
    }),
  )
})
