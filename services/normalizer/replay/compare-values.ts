import { isDeepStrictEqual } from 'node:util'
import { leafOf } from '../store/split-leaves.ts'
import type { NewValue, NewValues, StoredValue } from '../store/values.ts'

export type Mode = 'compare' | 'fill' | 'replace'

/** What a replay makes of a leaf. `before`, `after`: null where there was, or is, no value. */
type Difference = { before: StoredValue | null; after: NewValue | null }

/** What a replay makes of a payload. */
export type Comparison = {
  same: number
  /** Left as they are, because somebody corrected them. */
  kept: number
  differences: Difference[]
}

/**
 * Compares the values of a payload as they are stored with those that it has by another reading of it. A leaf is known by
 * its place in the source text. `isCorrected`: whether somebody has corrected the value.
 */
export function compareValues(
  stored: readonly StoredValue[],
  read: readonly NewValue[],
  isCorrected: (value: StoredValue) => boolean,
): Comparison {
  const open = new Map(stored.map((value) => [leafOf(value), value]))
  const comparison: Comparison = { same: 0, kept: 0, differences: [] }
  for (const after of read) {
    const before = open.get(leafOf(after)) ?? null
    open.delete(leafOf(after))
    if (before === null) comparison.differences.push({ before, after })
    else if (isCorrected(before)) comparison.kept++
    else if (isSame(before, after)) comparison.same++
    else comparison.differences.push({ before, after })
  }
  for (const before of open.values()) {
    if (isCorrected(before)) comparison.kept++
    else comparison.differences.push({ before, after: null })
  }
  return comparison
}

const compared = [
  ...['company_measurement_id', 'source_measurement_id', 'type', 'item_key', 'item_label', 'number', 'text', 'date'],
  'members',
] as readonly (keyof StoredValue & keyof NewValue)[]

function isSame(stored: StoredValue, read: NewValue): boolean {
  return compared.every((name) => isDeepStrictEqual(stored[name], read[name]))
}

/** What of it takes effect: filling leaves alone what is there. */
export function effectOf({ differences }: Comparison, mode: Mode): Difference[] {
  if (mode === 'replace') return differences
  return mode === 'fill' ? differences.filter(({ before }) => before === null) : []
}

/**
 * The rows that a replay brings. One that takes the place of another value counts as brought by whoever brought that one,
 * and names the replay as its generation.
 */
export function rowsOf(brought: NewValues, effect: readonly Difference[], replayNo: number): NewValues[] {
  const groups = Map.groupBy(
    effect.filter(({ after }) => after !== null),
    ({ before }) => (before === null ? 'new' : before.replay_no),
  )
  return [...groups].map(([origin, differences]) => ({
    ...brought,
    ...(origin === 'new'
      ? { replay_no: replayNo, generation_no: null }
      : { replay_no: origin, generation_no: replayNo }),
    values: differences.map(({ after }) => after!),
  }))
}
