import type { SeriesState } from '../values/series-state.ts'
import { numberOf } from '../values/value.ts'

/**
 * Whether a value belongs to a change that was news a few values ago: the rest of a launch, or the way back. A change
 * is told once; a larger move is news of its own. `values`: of the series, with this one as the last.
 */
export function isAftermath({ fired }: SeriesState, values: readonly number[]): boolean {
  const from = fired ? numberOf(fired.from) : null
  const told = fired ? values.at(-2 - fired.quiet) : undefined
  const [last, now] = [values.at(-2), values.at(-1)]
  if (from === null || told === undefined || last === undefined || now === undefined) return false
  return Math.abs(now - last) < Math.abs(told - from)
}
