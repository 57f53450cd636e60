let scratch = new Float64Array(128)

/** The middle of numbers, the mean of the two in the middle of an even count. 0 of none. */
export function median(numbers: ArrayLike<number>, from = 0, to = numbers.length): number {
  const count = to - from
  if (count <= 0) return 0
  if (count > scratch.length) scratch = new Float64Array(2 * count)
  for (let i = 0; i < count; i++) scratch[i] = numbers[from + i]!
  const half = count >> 1
  const upper = select(half, count)
  if (count % 2 === 1) return upper
  let lower = scratch[0]!
  for (let i = 1; i < half; i++) if (scratch[i]! > lower) lower = scratch[i]!
  return (lower + upper) / 2
}

/** The number that `at` others come before, of the first `count` in `scratch`; those lie before it afterwards. */
function select(at: number, count: number): number {
  let low = 0
  let high = count - 1
  while (high - low > 10) {
    const a = scratch[low]!
    const b = scratch[(low + high) >> 1]!
    const c = scratch[high]!
    const pivot = a < b ? (b < c ? b : a < c ? c : a) : a < c ? a : b < c ? c : b
    // Without a branch that the processor must guess, which costs more than a swap.
    let less = low
    for (let i = low; i <= high; i++) {
      const value = scratch[i]!
      scratch[i] = scratch[less]!
      scratch[less] = value
      less += Number(value < pivot)
    }
    if (at < less) {
      high = less - 1
      continue
    }
    low = less
    for (let i = less; i <= high; i++) {
      const value = scratch[i]!
      scratch[i] = scratch[low]!
      scratch[low] = value
      low += Number(value <= pivot)
    }
    // A pivot that is no number is not even as large as itself.
    if (at < low || low === less) return pivot
  }
  // For so few numbers nothing sorts faster.
  for (let i = low + 1; i <= high; i++) {
    const value = scratch[i]!
    let place = i
    while (place > low && scratch[place - 1]! > value) {
      scratch[place] = scratch[place - 1]!
      place--
    }
    scratch[place] = value
  }
  return scratch[at]!
}

/** Keeps the sign and tames the size: what is far away need not be told apart finely. */
export function squash(x: number): number {
  if (x > 0) return Math.log(1 + Math.min(x, 1e9))
  return x < 0 ? -Math.log(1 - Math.max(x, -1e9)) : 0
}

/** Logarithm of a ratio of growths; ±`far` where one of them does not grow. */
export function logRatio(now: number, before: number, far: number): number {
  if (now <= 0) return -far
  if (before <= 0) return far
  return Math.max(-far, Math.min(far, Math.log(now / before)))
}

export const clip = (x: number, size: number) => (x > size ? size : x < -size ? -size : x)
