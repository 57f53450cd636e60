import { type Payload, seriesKey } from '../values/payload.ts'
import type { SeriesState } from '../values/series-state.ts'
import { numberOf, type Value } from '../values/value.ts'
import { methods } from '../values/aggregate.ts'
import { isPositional } from './item-keys.ts'

/** A series that falls more often is no counter. */
const fallsOfCounter = 0.1
/** So many counters of a list must be known, and this share of them fall. */
const leastItems = 3
const leastShare = 0.6
/** The usual fall of a clean-up is smaller, as parts of the value; and one that is larger than the second is told. */
const usualFall = 0.05
const largeFall = 0.1

/**
 * The measurements whose counters fall at most items of a list at once, by company_measurement_id. A counter hardly ever
 * falls, and what falls everywhere was counted anew by the source: spam was removed, or closed accounts.
 */
export function findCleanUps(payload: Payload, states: ReadonlyMap<string, SeriesState>): Set<number> {
  const moves = new Map<number, { move: number; past: readonly number[] }[]>()
  for (const value of payload.values) {
    const { item_key: key, number, company_measurement_id: id } = value
    if (key === null || number === null || isPositional(key)) continue
    const state = states.get(seriesKey(payload, value))
    const last = state && numberOf(state.last)
    if (!state?.signal || last === null || last === undefined) continue
    const one = { move: (number - last) / Math.max(1, Math.abs(last)), past: state.signal.values }
    const known = moves.get(id)
    if (known) known.push(one)
    else moves.set(id, [one])
  }
  return new Set([...moves].flatMap(([id, some]) => (isCleanUp(some) ? [id] : [])))
}

function isCleanUp(items: readonly { move: number; past: readonly number[] }[]): boolean {
  // Most payloads end here, before pasts are read.
  if (items.filter(({ move }) => move < 0).length < leastShare * leastItems) return false
  const moves = items.flatMap(({ move, past }) => (isCounter(past) ? [move] : []))
  const falls = moves.filter((move) => move < 0)
  if (moves.length < leastItems || falls.length < leastShare * moves.length) return false
  return -methods.median(falls) < usualFall
}

/** Whether a move may belong to a clean-up of its list. */
export function isSmallFall(before: Value, now: Value): boolean {
  const [a, b] = [numberOf(before), numberOf(now)]
  return a !== null && b !== null && b < a && a - b < largeFall * Math.abs(a)
}

function isCounter(values: readonly number[]): boolean {
  let falls = 0
  for (let i = 1; i < values.length; i++) if (values[i]! < values[i - 1]!) falls++
  return values.length > leastItems && falls <= fallsOfCounter * values.length
}
