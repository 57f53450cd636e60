/** Which sizes were seen: counts of parts that grow by a third each, and the largest, which is slowly forgotten. */
export type Sizes = { counts: number[]; largest: number }

export const emptySizes = (): Sizes => ({ counts: [], largest: 0 })

const perDoubling = 2.5
const parts = 48
const mostCounted = 10_000
/** Of the largest, after each value: half is left after 1,400. */
const kept = 0.9995
const largestSize = 1e12

const findPart = (size: number) => Math.min(parts - 1, Math.floor(perDoubling * Math.log2(1 + size)))
const clamp = (signed: number) => Math.min(Math.abs(signed), largestSize)

/** Decimal places of the share of sizes that were as large, more for what is beyond the largest. 0 of nothing. */
export function measureRarity({ counts, largest }: Sizes, signed: number) {
  const size = clamp(signed)
  const part = findPart(size)
  let of = 0
  let above = 0
  for (let i = 0; i < counts.length; i++) {
    of += counts[i]!
    if (i > part) above += counts[i]!
  }
  const asLarge = above + 0.5 * (counts[part] ?? 0)
  if (size === 0) return { rarity: 0, asLarge, of }
  const rarity = -Math.log10((asLarge + 0.5) / (of + 1))
  return { rarity: size > largest ? rarity + measureBeyond({ counts, largest }, size, of) : rarity, asLarge, of }
}

/** Beyond the largest, sizes are taken to become rarer as fast as from where one of a hundred lies to the largest. */
function measureBeyond({ counts, largest }: Sizes, size: number, of: number): number {
  let rare = 0
  let above = 0
  for (let i = counts.length - 1; i >= 0 && rare === 0; i--) {
    above += counts[i]!
    if (above >= 0.01 * of) rare = 2 ** ((i + 0.5) / perDoubling)
  }
  const steepness = (Math.log10(of + 1) - 2) / Math.max(0.05, Math.log10((largest + 1) / Math.max(rare, 1)))
  return 2 * Math.max(1, Math.min(6, steepness)) * Math.log10((size + 1) / (largest + 1))
}

/** What was seen long ago counts half after each ten thousand. */
export function countSize({ counts, largest }: Sizes, signed: number): Sizes {
  const size = clamp(signed)
  const next = counts.slice()
  const part = findPart(size)
  while (next.length <= part) next.push(0)
  next[part]!++
  let all = 0
  for (const one of next) all += one
  return { counts: all < mostCounted ? next : next.map((one) => one >> 1), largest: Math.max(kept * largest, size) }
}
