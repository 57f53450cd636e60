import type { Labels, Series } from './server.ts'

/** What an event does to a panel: a series of it with these labels rises, or falls. */
export type Move = { by: string; of: Labels; falls: boolean }

export const rises = (by: string, of: Labels = {}): Move => ({ by, of, falls: false })
export const falls = (by: string, of: Labels = {}): Move => ({ by, of, falls: true })

/** Whether a series has moved since `from`. One that was not there before rises from 0. */
export function hasMoved(series: readonly Series[], { of, falls }: Move, from: number): boolean {
  const those = series.filter(({ labels }) => Object.entries(of).every(([name, value]) => labels[name] === value))
  return those.some(({ points }) => {
    const before = points.findLast(([at]) => at <= from)?.[1]
    const after = points.filter(([at]) => at > from).map(([, value]) => value)
    return falls
      ? before !== undefined && after.some((value) => value < before)
      : after.some((value) => value > (before ?? 0))
  })
}
