import { describe, expect, it } from 'vitest'
import { timeAxis, valueAxis } from './axes.ts'

const labels = (values: readonly number[], unit: 'number' | 'percent' | 'bytes' | 'date' = 'number') =>
  valueAxis(values, unit, [200, 0], 4).ticks.map(({ label }) => label.replace('\u00a0', ' '))

describe('an axis of values', () => {
  it.each([
    ['counters', [9800, 14_800], ['8 k', '10 k', '12 k', '14 k', '16 k']],
    ['small counters', [0, 1200], ['0', '200', '400', '600', '800', '1,000', '1,200']],
    ['millions', [3.1e6, 3.6e6], ['3.1 M', '3.2 M', '3.3 M', '3.4 M', '3.5 M', '3.6 M']],
    ['1e15', [1e15, 1.2e15], ['1e15', '1.05e15', '1.1e15', '1.15e15', '1.2e15']],
    ['1e-9', [0, 4e-9], ['0', '1e-9', '2e-9', '3e-9', '4e-9']],
    ['negative numbers', [-1200, -300], ['-1,200', '-1,000', '-800', '-600', '-400', '-200']],
    ['zeros', [0, 0], ['0', '0.2', '0.4', '0.6', '0.8', '1']],
    ['a constant', [50, 50], ['44', '46', '48', '50', '52', '54', '56']],
    ['nothing', [], ['0', '0.2', '0.4', '0.6', '0.8', '1']],
  ])('of %s', (_what, values, expected) => {
    expect(labels(values)).toEqual(expected)
  })

  it('of percents, sizes and dates says so', () => {
    expect(labels([1, 4], 'percent')).toEqual(['0%', '1%', '2%', '3%', '4%'])
    expect(labels([3.4e6, 5.2e6], 'bytes')).toEqual(['3 MB', '3.5 MB', '4 MB', '4.5 MB', '5 MB', '5.5 MB'])
    expect(labels([10, 900], 'bytes').at(-1)).toBe('1 kB')
    expect(labels([Date.UTC(2026, 0, 1), Date.UTC(2026, 8, 1)], 'date')).toEqual([
      'Jan 2026',
      'Apr 2026',
      'Jul 2026',
      'Oct 2026',
    ])
  })

  it.each([[[Number.MAX_VALUE, -Number.MAX_VALUE]], [[5e-324, 0]], [[1e15, 1e15 + 0.125]], [[1, 1 + 2 ** -52]]])(
    'keeps %s inside',
    (values) => {
      const { position, ticks } = valueAxis(values, 'number', [200, 0], 4)
      for (const value of values) expect(position(value)).toSatisfy((at: number) => at >= 0 && at <= 200)
      expect(ticks.length).toBeGreaterThan(0)
    },
  )

  it('begins at zero unless that wastes room', () => {
    expect(labels([100, 900])[0]).toBe('0')
    expect(labels([800, 900])[0]).toBe('800')
  })
})

describe('an axis of times', () => {
  const axis = (from: string, to: string, zone = 'UTC', right = 400) => {
    const [start, end] = [Date.parse(from), Date.parse(to)]
    const { position, ticks } = timeAxis({ from: start, to: end }, zone, { left: 0, right, outer: [0, right] })
    const shown = ticks.map(({ label, below }) => (below ? `${label.text}/${below.text}` : label.text))
    return { position, shown, times: ticks.map(({ at }) => start + (at / right) * (end - start)) }
  }

  it.each([
    ['years', '2015-06-01', '2026-06-01', ['2016', '2018', '2020', '2022', '2024', '2026']],
    ['half-years', '2024-01-03', '2026-11-11', ['Jul/2024', 'Jan/2025', 'Jul', 'Jan/2026', 'Jul']],
    ['months', '2025-10-15', '2026-03-15', ['Nov/2025', 'Dec', 'Jan/2026', 'Feb', 'Mar']],
    ['days', '2025-12-29T12:00Z', '2026-01-03', ['30 Dec/2025', '31 Dec', '1 Jan/2026', '2 Jan', '3 Jan']],
    [
      'hours',
      '2026-03-01T15:00Z',
      '2026-03-02T09:00Z',
      ['15:00/1 Mar 2026', '18:00', '21:00', '00:00/2 Mar 2026', '03:00', '06:00', '09:00'],
    ],
    [
      'seconds',
      '2026-03-01T15:00:00Z',
      '2026-03-01T15:00:20Z',
      ['15:00:00/1 Mar 2026', '15:00:05', '15:00:10', '15:00:15', '15:00:20'],
    ],
  ])('has %s', (_what, from, to, expected) => {
    expect(axis(from, to).shown).toEqual(expected)
  })

  it('has the days of the zone', () => {
    const { shown, times } = axis('2026-06-01', '2026-06-04', 'America/New_York')
    expect(shown.slice(0, 3)).toEqual(['00:00/1 Jun 2026', '12:00', '00:00/2 Jun 2026'])
    expect(new Date(times[0] ?? 0).toISOString()).toBe('2026-06-01T04:00:00.000Z')
  })

  it.each([
    // 02:00 does not exist in the one night, and comes twice in the other.
    ['2026-03-28T22:00Z', '2026-03-29T06:00Z'],
    ['2026-10-24T22:00Z', '2026-10-25T06:00Z'],
  ])('goes on evenly when clocks change (%s)', (from, to) => {
    const { position, times, shown } = axis(from, to, 'Europe/Berlin')
    const [start, end] = [Date.parse(from), Date.parse(to)]
    expect(position((start + end) / 2)).toBeCloseTo(200)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(new Set(shown).size).toBe(shown.length)
    expect(new Set(times).size).toBe(times.length)
  })

  it('refuses a zone that is none', () => {
    expect(() => axis('2026-01-01', '2026-01-02', 'Mars/Olympus')).toThrow('Mars/Olympus is not a time zone')
  })
})
