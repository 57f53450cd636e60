/** Positions of `values` by value, the smallest first; equal ones in their own order. For short lists. */
export function orderOf(values: readonly number[]): number[] {
  const order: number[] = []
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!
    let place = index
    for (; place > 0 && values[order[place - 1]!]! > value; place--) order[place] = order[place - 1]!
    order[place] = index
  }
  return order
}

/**
 * The value below which `part` (0 to 1) of the weight lies; weights fall by half every `halfLife` positions from the
 * end. `order`: that of `orderOf(values)`. Between two values it is interpolated. 0 of no values.
 */
export function recentQuantile(
  values: readonly number[],
  part: number,
  halfLife: number,
  order: readonly number[] = orderOf(values),
): number {
  const weights = weightsOf(values.length, halfLife)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  let below = 0
  let before: { value: number; middle: number } | null = null
  for (const index of order) {
    const value = values[index]!
    const weight = weights[values.length - 1 - index]!
    const middle = (below + weight / 2) / total
    if (middle >= part) {
      if (!before || middle === before.middle) return value
      return before.value + ((part - before.middle) / (middle - before.middle)) * (value - before.value)
    }
    below += weight
    before = { value, middle }
  }
  return before?.value ?? 0
}

function weightsOf(count: number, halfLife: number): number[] {
  const decay = 0.5 ** (1 / halfLife)
  const weights: number[] = []
  for (let weight = 1; weights.length < count; weight *= decay) weights.push(weight)
  return weights
}

/** The middle value; of an even count the mean of the two. 0 of no values. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  if (sorted.length === 0) return 0
  return sorted.length % 2 === 1 ? sorted[half]! : sorted[half - 1]! / 2 + sorted[half]! / 2
}

/**
 * The mean of the recent values, where those far from `middle` (further than `reach`) count as being that far. Weights
 * fall by half every `halfLife` positions from the end. 0 of no values.
 */
export function recentMean(values: readonly number[], middle: number, reach: number, halfLife: number): number {
  const decay = 0.5 ** (1 / halfLife)
  let [sum, total] = [0, 0]
  for (const value of values) {
    sum = sum * decay + Math.min(Math.max(value, middle - reach), middle + reach)
    total = total * decay + 1
  }
  return total > 0 ? sum / total : 0
}

/** Simple exponential smoothing: the level after the last value. */
export function smooth(values: readonly number[], share: number): number {
  let level = values[0] ?? 0
  for (const value of values) level += share * (value - level)
  return level
}

/** The number with so many digits, at most 1e200 from zero. Keeps states small, and sums of numbers finite. */
export function shorten(value: number, digits: number): number {
  const size = Math.abs(value)
  // Where a power of ten is exact; otherwise the slow way.
  if (size < 1e-6 || size > 1e15) return Number(Math.min(Math.max(value, -1e200), 1e200).toPrecision(digits)) + 0
  const places = digits - 1 - Math.floor(Math.log10(size))
  if (places < 0) return Math.round(value / 10 ** -places) * 10 ** -places + 0
  return Math.round(value * 10 ** places) / 10 ** places + 0
}
