import type { Case } from './inject.ts'

/** Scores of a case's points, one each. */
export type Scored = { case: Case; scores: ArrayLike<number> }
export const budgets = [0.5, 0.25, 0.12] as const
const month = 30.4375 * 86_400_000

/** Company months: each company from the first to the last time of its series. */
export function countMonths(cases: readonly Case[]): number {
  let months = 0
  for (const list of Map.groupBy(cases, ({ series }) => `${series.family}/${series.company}`).values()) {
    const first = Math.min(...list.map(({ times }) => times[0]!))
    const last = Math.max(...list.map(({ times }) => times.at(-1)!))
    months += (last - first) / month
  }
  return months
}

/** The lowest threshold at which no more than this many points are told that no change explains. */
export function findThreshold(scored: readonly Scored[], allowed: number): number {
  const heap: number[] = []
  for (const { case: one, scores } of scored)
    for (let i = 0; i < scores.length; i++) {
      if (one.change && i >= one.change.at && i <= one.change.at + 2) continue
      heap.push(scores[i]!)
    }
  const sorted = Float64Array.from(heap).sort().reverse()
  return sorted[Math.floor(allowed)] ?? 0
}

export type Share = { found: number; of: number }
export const percent = ({ found, of }: Share) => (of === 0 ? NaN : (100 * found) / of)

/** Whether each change is found at a threshold. */
export function findChanges(
  scored: readonly Scored[],
  threshold: number,
  wanted: (one: Case) => boolean = () => true,
): Share {
  let found = 0
  let of = 0
  for (const { case: one, scores } of scored) {
    if (!one.change || !wanted(one)) continue
    of++
    for (let i = one.change.at; i <= Math.min(one.change.at + 2, scores.length - 1); i++)
      if (scores[i]! > threshold) {
        found++
        break
      }
  }
  return { found, of }
}
