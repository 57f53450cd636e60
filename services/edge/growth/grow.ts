import { dayMs } from '#runtime/text/time.ts'

/** The lengths of time over which growth is told, in days. */
export const windows = [7, 30, 90, 180, 365] as const

/** A value may be this many windows older than the newest one to stand for the beginning of a window. */
export const patience = 2

/** A number of a series. `at`: observed time, ms since 1970. */
export type Point = { at: number; value: number }

/** Why a change has no percentage. */
export const gaps = ['no earlier value', 'earlier value too old', 'from zero', 'too large'] as const

/** How a series changed up to its newest value. `previous` null: nothing to compare with, and `gap` says why. */
export type Change = {
  days: number
  previous: Point | null
  change: number | null
  percent: number | null
  gap: (typeof gaps)[number] | null
}

/**
 * The change over `days` to the newest value. `previous` is the newest value at or before the beginning, whatever its
 * age: one that is too old does not count, because it would show the change of another length of time.
 */
export function measureChange(days: number, newest: Point, previous: Point | null): Change {
  if (previous === null) return { days, previous, change: null, percent: null, gap: 'no earlier value' }
  if (previous.at < newest.at - patience * days * dayMs)
    return { days, previous: null, change: null, percent: null, gap: 'earlier value too old' }
  const change = newest.value - previous.value
  if (!Number.isFinite(change)) return { days, previous, change: null, percent: null, gap: 'too large' }
  if (previous.value === 0 && change !== 0) return { days, previous, change, percent: null, gap: 'from zero' }
  const percent = change === 0 ? 0 : (change / Math.abs(previous.value)) * 100
  return Number.isFinite(percent)
    ? { days, previous, change, percent, gap: null }
    : { days, previous, change, percent: null, gap: 'too large' }
}

export type Polarity = 'good' | 'bad' | 'neither'

/** One series among those of the same measurement. */
export type Grown = { companyId: number; measurementId: number; polarity: Polarity; newest: Point; change: Change }

/** `rank` 1 is the best of `of`. */
export type Ranked<T> = T & { rank: number | null; of: number }

/**
 * Ranks the series of each measurement by percentage: the largest first, or the smallest where more is bad. Equal ones
 * share a rank. A series is not ranked when it has no percentage, or when its newest value lies more than the window
 * before the newest of its measurement: it tells of another time.
 */
export function rankGrowth<T extends Grown>(grown: readonly T[]): Ranked<T>[] {
  return [...Map.groupBy(grown, ({ measurementId }) => measurementId).values()].flatMap(rankMeasurement)
}

function rankMeasurement<T extends Grown>(grown: readonly T[]): Ranked<T>[] {
  const newest = grown.reduce((latest, { newest: { at } }) => Math.max(latest, at), -Infinity)
  const gainOf = ({ polarity, newest: { at }, change: { percent, days } }: T) =>
    percent === null || at < newest - days * dayMs ? null : polarity === 'bad' ? 0 - percent : percent
  const gains = grown.map(gainOf)
  const sorted = gains.filter((gain) => gain !== null).toSorted((a, b) => b - a)
  const ranks = new Map<number, number>()
  for (const [index, gain] of sorted.entries()) if (!ranks.has(gain)) ranks.set(gain, index + 1)
  return grown.map((one, index) => {
    const gain = gains[index] ?? null
    return { ...one, rank: gain === null ? null : (ranks.get(gain) ?? null), of: sorted.length }
  })
}

/**
 * The mean of a company's ranks, from 0 (last everywhere) to 100 (first everywhere): each is `(of - rank) / (of - 1)`.
 * Series count that are ranked among others and of which more is good or bad. Null: there are none.
 */
export function meanOfRanks(parts: readonly Ranked<Pick<Grown, 'polarity'>>[]): number | null {
  const shares = parts.flatMap(({ polarity, rank, of }) =>
    polarity === 'neither' || rank === null || of < 2 ? [] : [(of - rank) / (of - 1)],
  )
  return shares.length === 0 ? null : (100 * shares.reduce((sum, share) => sum + share, 0)) / shares.length
}
