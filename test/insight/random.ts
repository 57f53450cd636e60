/** Numbers that are the same in every run: of one seed the same sequence. */
export type Random = {
  /** 0 ≤ x < 1. */
  next: () => number
  /** lowest ≤ x < highest. */
  between: (lowest: number, highest: number) => number
  /** A whole number, 0 ≤ x < count. */
  below: (count: number) => number
  normal: () => number
  poisson: (mean: number) => number
  pick: <T>(list: readonly T[]) => T
}

export function seeded(seed: number): Random {
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
  const below = (count: number) => Math.floor(next() * count)
  return {
    next,
    below,
    normal,
    between: (lowest, highest) => lowest + next() * (highest - lowest),
    pick: (list) => list[below(list.length)]!,
    poisson: (mean) => {
      if (mean > 50) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()))
      const end = Math.exp(-mean)
      let count = 0
      for (let product = next(); product > end; product *= next()) count++
      return count
    },
  }
}
