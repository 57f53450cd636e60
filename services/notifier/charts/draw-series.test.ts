import fc from 'fast-check'
import { expect, test } from 'vitest'
import { drawSeries } from './draw-series.ts'

const firstAt = Date.UTC(2026, 9, 1, 12)

test.each([
  { what: 'rising', values: [1, 2, 3, 4, 5], drawn: '▁▂▃▅▇ 1 → 5 since 1 October 2026' },
  { what: 'falling below nothing', values: [10, 0, -10], drawn: '▇▃▁ 10 → -10 since 1 October 2026' },
  { what: 'always the same', values: [1500, 1500, 1500], drawn: '▁▁▁ 1,500 → 1,500 since 1 October 2026' },
  { what: 'small', values: [0.125, 0.25, 0.5], drawn: '▁▂▇ 0.125 → 0.5 since 1 October 2026' },
  { what: 'too short to show anything', values: [1, 2], drawn: null },
  { what: 'no numbers', values: [1, NaN, 2], drawn: null },
])('$what', ({ values, drawn }) => {
  expect(drawSeries({ values, firstAt })).toBe(drawn)
})

test('property: whatever the numbers, one bar each, the least the lowest and the greatest the highest', () => {
  const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 3, maxLength: 20 })
  fc.assert(
    fc.property(values, (numbers) => {
      const drawn = drawSeries({ values: numbers, firstAt })?.split(' ')[0] ?? ''
      expect(drawn).toMatch(new RegExp(`^[▁▂▃▅▇]{${numbers.length}}$`))
      expect(drawn[numbers.indexOf(Math.min(...numbers))]).toBe('▁')
      if (new Set(numbers.map((number) => number + 0)).size > 1)
        expect(drawn[numbers.indexOf(Math.max(...numbers))]).toBe('▇')
    }),
    { seed: 1 },
  )
})
