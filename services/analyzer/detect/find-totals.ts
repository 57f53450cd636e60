import { innermostList } from '#runtime/text/value-path.ts'
import type { ObservedValue } from '#schemas/generated/types.ts'
import { type Payload, seriesKey } from '../values/payload.ts'
import type { SeriesState } from '../values/series-state.ts'
import { isPositional } from './item-keys.ts'
import type { SubjectState } from './judge-items.ts'

/**
 * A number of the payload's root that is the sum of a number of a list's items. `shift`: how much of its move came from
 * items that the list gained or lost. `summand`: the company_measurement_id of the items' number.
 */
export type Total = { shift: number; summand: number }

/**
 * The totals of a payload, by seriesKey. A number is a total if it equals the sum now, or did at the payload before. So
 * one is judged by what happened to the items that are in both payloads: a list that is cut elsewhere moves no total.
 * `subject`: as the payload before left it.
 */
export function findTotals(
  payload: Payload,
  states: ReadonlyMap<string, SeriesState>,
  subject: SubjectState | null,
): Map<string, Total> {
  const totals = new Map<string, Total>()
  if (subject === null || payload.values.every(({ item_key }) => item_key === null)) return totals
  const roots = payload.values.filter((value) => value.item_key === null && isNumber(value))
  if (roots.length === 0) return totals
  const sums = [...listColumns(payload)].flatMap(([list, columns]) => {
    const known = Object.entries(subject.lists[list]?.items ?? {}).filter(([, { missing }]) => !missing)
    return [...columns].map(([summand, now]) => ({ summand, ...compareSums(now, readLast(summand, known)) }))
  })
  for (const root of roots) {
    const key = seriesKey(payload, root)
    const now = root.number!
    const before = lastNumber(states.get(key))
    const sum = sums.find((one) => areClose(one.now, now) || (before !== null && areClose(one.before, before)))
    // What no double can hold is no shift.
    if (!sum || before === null || !(Math.abs(sum.shift) < maxShift)) continue
    // One that no longer equals its list may have stayed what it was when the list was cut.
    const follows = areClose(sum.now, now) || Math.abs(now - before - sum.shift) < Math.abs(now - before)
    totals.set(key, { shift: follows ? sum.shift : 0, summand: sum.summand })
  }
  return totals

  function readLast(summand: number, known: readonly [string, unknown][]): Map<string, number> {
    return new Map(
      known.flatMap(([key]): [string, number][] => {
        const last = lastNumber(states.get(seriesKey(payload, { company_measurement_id: summand, item_key: key })))
        return last === null ? [] : [[key, last]]
      }),
    )
  }
}

/**
 * The series of items that were in a list at the payload before and are not in this one: findTotals needs their last
 * numbers.
 */
export function findLeftSeries(
  payload: Payload,
  subject: SubjectState | null,
): { company_measurement_id: number; item_key: string }[] {
  if (subject === null) return []
  const here = new Set(payload.values.map(({ item_key }) => item_key))
  const left = Object.entries(subject.lists).flatMap(([list, { items }]): [string, string[]][] => {
    const keys = Object.keys(items).filter((key) => !items[key]!.missing && !here.has(key))
    return keys.length === 0 ? [] : [[list, keys]]
  })
  if (left.length === 0) return []
  const columns = listColumns(payload)
  return left.flatMap(([list, keys]) =>
    [...(columns.get(list)?.keys() ?? [])].flatMap((company_measurement_id) =>
      keys.map((item_key) => ({ company_measurement_id, item_key })),
    ),
  )
}

const isNumber = ({ type, number }: ObservedValue) => number !== null && type !== 'bool'

function lastNumber(state: SeriesState | undefined): number | null {
  return state?.last.kind === 'number' ? state.last.number : null
}

/** Beyond what the detectors tell apart. */
const maxShift = 1e100

/** The numbers of items by list, measurement and item. */
function listColumns({ values }: Payload): Map<string, Map<number, Map<string, number>>> {
  const lists = new Map<string, Map<number, Map<string, number>>>()
  for (const value of values) {
    const { item_key: key, path, company_measurement_id: id, number } = value
    const list = key === null || !isNumber(value) || isPositional(key) ? null : innermostList(path)
    if (key === null || list === null) continue
    const columns = lists.get(list) ?? new Map<number, Map<string, number>>()
    lists.set(list, columns)
    const column = columns.get(id) ?? new Map<string, number>()
    columns.set(id, column)
    column.set(key, number!)
  }
  return lists
}

/** Sums of a number over the items now and before, and what the items that came or went make of their difference. */
function compareSums(now: ReadonlyMap<string, number>, before: ReadonlyMap<string, number>) {
  const sums = { now: 0, before: 0, shift: 0 }
  for (const [key, number] of now) {
    sums.now += number
    if (!before.has(key)) sums.shift += number
  }
  for (const [key, number] of before) {
    sums.before += number
    if (!now.has(key)) sums.shift -= number
  }
  return sums
}

/** Rounding of doubles must not decide. Zero is the sum of too many things. */
function areClose(a: number, b: number): boolean {
  return a !== 0 && Math.abs(a - b) <= 1e-9 * Math.abs(a)
}
