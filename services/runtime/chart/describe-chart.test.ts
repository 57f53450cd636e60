import { describe, expect, it } from 'vitest'
import { fullSeries, sampleBars, sampleMultiples } from '../../../test/harness/chart-series.ts'
import { describeChart } from './describe-chart.ts'
import { describeBars } from './draw-bars.ts'
import { describeMultiples } from './draw-small.ts'

const hour = 3600_000

describe('the text of a picture', () => {
  it('says all that it shows', () => {
    expect(describeChart(fullSeries()).description.split('. ')).toEqual([
      expect.stringMatching(/^144 values from 3 January 2024 to 11 November 2026$/),
      expect.stringMatching(/^Last value [\d,]+, \+\d+% from the first, [\d,]+$/),
      expect.stringMatching(/^Highest [\d,]+ on .*, lowest [\d,]+ on .*$/),
      expect.stringMatching(/^Forecast for 6 January 2027: .*; 8 of 10 such values are between .* and .*$/),
      '1 gap without values: between 9 October 2024 and 27 November 2024',
      'The source was down from 16 October 2024 to 20 November 2024',
      'Data was late from 26 February 2025 to 9 April 2025',
      'Data was suspect from 11 February 2026 to 8 April 2026',
      '3 news items; the latest on 29 October 2025: apple/container: stars rose 12% to 14,120.',
    ])
  })

  it.each([
    ['nothing', [], 'No values.'],
    ['one value', [5], 'One value: 5 on 1 January 1970, 01:00 Europe/Berlin.'],
    [
      'one number',
      [5, 5],
      '2 values from 1 January 1970, 01:00 Europe/Berlin to 1 January 1970, 02:00 Europe/Berlin. All are 5.',
    ],
    ['a way back', [5, 9, 5], 'Last value 5, the same as the first, 5.'],
    ['a rise from zero', [0, 12], 'Last value 12, +12 from the first, 0.'],
    ['a fall below zero', [10, -5], 'Last value -5, -150% from the first, 10.'],
  ])('says %s', (_what, values, expected) => {
    const points = values.map((value, index) => ({ at: index * hour, value }))
    expect(describeChart({ title: 'x', points }, 'Europe/Berlin').description).toContain(expected)
  })

  it('has the units of its values', () => {
    const points = (values: readonly number[]) => values.map((value, index) => ({ at: index * 1e9, value }))
    expect(describeChart({ title: '', unit: 'percent', points: points([12, 14.5]) }).description).toContain(
      'Last value 14.5%, +2.5 points from',
    )
    expect(describeChart({ title: '', unit: 'bytes', points: points([1e6, 3.4e6]) }).description).toContain(
      'Last value 3.4 MB, +240% from the first, 1 MB.',
    )
    expect(describeChart({ title: '', unit: 'date', points: points([0, 86_400_000]) }).description).toContain(
      'Last value 2 January 1970, 1 day later from',
    )
  })

  it('counts what it does not name', () => {
    const points = Array.from({ length: 10 }, (_, index) => ({ at: index * 1e9, value: index % 2 ? null : index }))
    expect(describeChart({ title: '', points }).description).toContain(
      '4 gaps without values: between 1 January 1970 and 24 January 1970',
    )
    expect(describeChart({ title: '', points }).description).toMatch(/and 1 more\.$/)
  })
})

it('bars and small multiples say their items', () => {
  expect(describeBars(sampleBars).description).toMatch(/^60 items: .* 4,000,000; .*; 50 others together [\d,]+\.$/)
  const others = { count: 6990, sum: 12 }
  expect(describeBars({ title: '', items: [{ name: 'a', value: 9 }], others }).description).toBe(
    '6991 items: a 9; 6,990 others together 12.',
  )
  expect(describeBars({ title: '', items: [] })).toEqual({ title: 'Items', description: 'No items.' })
  expect(describeMultiples(sampleMultiples).description).toMatch(/^stars: 150 values .* forks: 150 values /)
  expect(describeMultiples({ title: 'x', series: [] }).description).toBe('No series.')
})
