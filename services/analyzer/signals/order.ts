const most = 128
const scratch = new Float64Array(most)

/** The middle of up to 128 numbers, the mean of the two in the middle of an even count. 0 of none. */
export function median(numbers: ArrayLike<number>, from = 0, to = numbers.length): number {
  const count = to - from
  if (count <= 0) return 0
  // For so few numbers nothing sorts faster.
  for (let i = 0; i < count; i++) {
    const value = numbers[from + i]!
    let at = i
    while (at > 0 && scratch[at - 1]! > value) {
      scratch[at] = scratch[at - 1]!
      at--
    }
    scratch[at] = value
  }
  const half = count >> 1
  return count % 2 === 1 ? scratch[half]! : (scratch[half - 1]! + scratch[half]!) / 2
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
