import type { Labels, Series } from './server.ts'

/** What an event does to a panel: a series of it with these labels rises, or falls. */
export type Move = { by: string; of: Labels; falls: boolean }

export const rises = (by: string, of: Labels = {}): Move => ({ by, of, falls: false })
export const falls = (by: string, of: Labels = {}): Move => ({ by, of, falls: true })

/**
 * Whether a series has moved since `from`. It rises when it is above what it was then; one that was not there rises from 0.
 * It falls when it is below what it was just before: an age falls from whatever it has grown to.
 */
export function hasMoved(series: readonly Series[], { of, falls }: Move, from: number): boolean {
  const those = series.filter(({ labels }) => Object.entries(of).every(([name, value]) => labels[name] === value))
  return those.some(({ points }) => {
    const before = points.findLast(([at]) => at <= from)?.[1]
    const after = points.filter(([at]) => at > from).map(([, value]) => value)
    return falls
      ? after.some((value, index) => value < ([before, ...after][index] ?? -Infinity))
      : after.some((value) => value > (before ?? 0))
  })
}
