import type { Random } from './random.ts'
import type { Series } from './series.ts'

const fewest = 60

/**
 * Series that could have been, one of each: what some of the people counted would have shown, two series of a company
 * together, every second value only, or the same growth from another level.
 */
export function varySeries(all: readonly Series[], random: Random): Series[] {
  const varied: Series[] = []
  for (const list of Map.groupBy(all, ({ company, kind }) => `${company}/${kind}`).values())
    for (const one of list) {
      const other = random.pick(list)
      const way = random.pick(['thin', 'thin', 'join', 'skip', 'lift'] as const)
      if (way === 'thin') varied.push(thin(one, random))
      else if (way === 'join' && other !== one) varied.push(join(one, other))
      else if (way === 'skip') varied.push(skip(one, random.below(2)))
      else varied.push(lift(one, random.between(0.2, 3)))
    }
  return varied.filter(({ values }) => values.length >= fewest)
}

/** Each of what came or went counts with the same probability. */
function thin(series: Series, random: Random): Series {
  const share = 0.03 * 20 ** random.next()
  let level = Math.round(series.values[0]! * share)
  const values = series.values.map((value, i) => {
    const change = value - (series.values[i - 1] ?? value)
    level = Math.max(
      0,
      level + Math.sign(change) * Math.min(Math.abs(change), random.poisson(Math.abs(change) * share)),
    )
    return level
  })
  return { ...series, values }
}

function join(series: Series, other: Series): Series {
  const added = new Map(other.times.map((time, i) => [time, other.values[i]!]))
  const both = series.times.flatMap((time, i) =>
    added.has(time) ? [{ time, value: series.values[i]! + added.get(time)! }] : [],
  )
  return { ...series, times: both.map(({ time }) => time), values: both.map(({ value }) => value) }
}

function skip(series: Series, from: number): Series {
  const isKept = (_: number, i: number) => i % 2 === from
  return { ...series, times: series.times.filter(isKept), values: series.values.filter(isKept) }
}

function lift(series: Series, factor: number): Series {
  const least = Math.min(...series.values)
  const by = Math.round(least * (factor - 1))
  return { ...series, values: series.values.map((value) => value + by) }
}
