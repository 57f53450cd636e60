import type { Multiples } from '../../services/runtime/chart/draw-small.ts'
import type { Bars } from '../../services/runtime/chart/draw-bars.ts'
import type { Point, Series } from '../../services/runtime/chart/read-series.ts'

const weekMs = 7 * 24 * 3600_000
const start = Date.UTC(2024, 0, 3, 8)

/** A value a week, which wanders upwards from `first` and jumps once. Always the same. */
export function weeklyPoints(count: number, first = 9800): (Point & { value: number })[] {
  let [value, seed] = [first, 7]
  return Array.from({ length: count }, (_, week) => {
    seed = (seed * 1103515245 + 12345) % 2147483648
    value += Math.round(first * (0.003 + (seed / 2147483648 - 0.5) * 0.02))
    return { at: start + week * weekMs, value: week === 95 ? Math.round(value * 1.12) : value }
  })
}

/** A series with everything that a picture can show. */
export function fullSeries(count = 150): Series {
  const points = weeklyPoints(count)
  const at = (week: number) => start + week * weekMs
  const last = points.at(-1)?.value ?? 0
  return {
    title: 'Stars of apple/container',
    points: points.filter((_, week) => week < 41 || week > 46),
    forecast: [1, 4, 8].map((weeks) => ({
      at: at(count - 1 + weeks),
      value: last + 30 * weeks,
      low: last + 30 * weeks - 200 * Math.sqrt(weeks),
      high: last + 30 * weeks + 200 * Math.sqrt(weeks),
    })),
    marks: [
      { at: at(20), text: 'apple/container: stars rose 4% to 10,402' },
      { at: at(21), text: 'apple/container: stars fell 3% to 10,090' },
      { at: at(95), text: 'apple/container: stars rose 12% to 14,120' },
    ],
    shades: [
      { from: at(41), to: at(46), kind: 'down' },
      { from: at(60), to: at(66), kind: 'late' },
      { from: at(110), to: at(118), kind: 'suspect' },
    ],
  }
}

export const sampleBars: Bars = {
  title: 'Downloads a week, by package',
  items: Array.from({ length: 60 }, (_, index) => ({
    name:
      ['@scope/a-package-with-a-name-that-does-not-fit-beside-any-bar-on-a-phone', 'חבילה'][index] ??
      `package-${index}`,
    value: Math.round(4e6 / (index + 1) ** 1.4),
  })),
}

export const sampleMultiples: Multiples = {
  title: 'acme: three years',
  series: ['stars', 'forks', 'open issues', 'downloads a week'].map((title, index) => ({
    title,
    points: weeklyPoints(150, 10 ** (index + 1)),
    marks: index === 1 ? [{ at: start + 90 * weekMs, text: 'acme: forks rose 40% to 300' }] : [],
    shades: index === 2 ? [{ from: start + 40 * weekMs, to: start + 52 * weekMs, kind: 'down' }] : [],
  })),
}
