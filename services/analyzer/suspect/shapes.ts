import { numberOf } from '../values/value.ts'
import { departs, isFar } from './numbers.ts'
import type { Reading, Trace } from './trace.ts'

/**
 * What a source that is broken makes of a payload. Payloads with equal `key` look alike. `grade`: how unlikely it is that
 * several companies look so by themselves. `waits`: the payload waits until more is known of its run.
 */
export type Shape = { key: string; grade: 'strong' | 'weak'; waits: boolean; seen: string }

/** A sum of numbers below this may become zero by itself. */
const minSum = 10
const minMovingNumbers = 2.5
const minMoves = 4
const maxMeasurementShapes = 8

/**
 * The shapes of a payload. `before`: of the last payload of its subject, null if there was none. `isForeign`: what it
 * says of itself was known of exactly one other company, and not of this one.
 */
export function findShapes(reading: Reading, before: Trace | null, isForeign: boolean): Shape[] {
  return [
    ...(isForeign ? [whole('foreign', 'strong', 'it names another company')] : []),
    ...findZeros(reading),
    ...(before ? [...findGone(reading.trace, before), ...findCuts(reading.trace, before)] : []),
    ...(before ? [...findFrozen(reading, before), ...findJump(reading.trace, before)] : []),
    ...findMeasurementShapes(reading, before),
  ]
}

function whole(key: string, grade: Shape['grade'], seen: string): Shape {
  return { key, grade, waits: true, seen }
}

function findZeros({ emptied, nonZero }: Reading): Shape[] {
  const zeros = emptied.filter(({ before }) => before.kind === 'number')
  if (zeros.length === 0 || zeros.length < nonZero / 2) return []
  const sum = zeros.reduce((all, { before }) => all + Math.abs(numberOf(before) ?? 0), 0)
  const grade = sum >= minSum || zeros.length > 2 ? 'strong' : 'weak'
  return [whole('zeros', grade, `${zeros.length} of ${nonZero} numbers became zero`)]
}

function findGone({ leaves }: Trace, before: Trace): Shape[] {
  if (before.leaves === 0 || leaves > before.leaves / 2) return []
  return [
    whole(
      'gone',
      before.leaves > 1 ? 'strong' : 'weak',
      `${before.leaves - leaves} of ${before.leaves} values are gone`,
    ),
  ]
}

/** Lists that were cut off at the end. A list that loses items anywhere is no such list. */
function findCuts({ lists }: Trace, before: Trace): Shape[] {
  return Object.entries(lists).flatMap(([list, items]) => {
    const had = before.lists[list] ?? []
    if (!isCut(had, items)) return []
    const isClear = had.length - items.length > 1
    const seen = `${list} has ${items.length} items, not ${had.length}`
    return [{ key: `cut ${list} ${items.length}`, grade: isClear ? 'strong' : 'weak', waits: isClear, seen }]
  })
}

function isCut(had: readonly string[], items: readonly string[]): boolean {
  const lost = had.length - items.length
  if (lost < 1) return false
  const first = new Set(had.slice(0, items.length))
  if (items.every((item) => first.has(item))) return true
  // The source may have sorted them anew, or another item came.
  const near = new Set(had.slice(0, Math.ceil(items.length * 1.25) + 1))
  const known = items.filter((item) => had.includes(item))
  const news = items.length - known.length
  const hasMost = known.filter((item) => near.has(item)).length >= 0.8 * Math.max(1, known.length)
  return lost > 1 && lost >= 0.3 * had.length && news <= 0.2 * items.length && hasMost
}

/** Numbers that all stand still, though some moved with each payload so far. */
function findFrozen({ known, moved }: Reading, { moves }: Trace): Shape[] {
  if (moved > 0 || known === 0 || moves.length < minMoves || moves.some((count) => count === 0)) return []
  const usual = moves.reduce((sum, count) => sum + count, 0) / moves.length
  return [
    whole(
      'frozen',
      usual >= minMovingNumbers ? 'strong' : 'weak',
      `none of ${known} numbers moved, ${format(usual)} usually do`,
    ),
  ]
}

/** It is alike only with payloads of another company that have these numbers: see findAlike. */
function findJump({ numbers }: Trace, before: Trace): Shape[] {
  const known = Object.entries(numbers).filter(([id]) => before.numbers[id])
  const jumped = known.filter(([id, number]) => isFar(number, before.numbers[id]!))
  if (!departs(numbers, before.numbers) || jumped.length < 0.8 * known.length) return []
  return [whole('jumped', 'weak', `${jumped.length} of ${known.length} numbers at least doubled or halved`)]
}

/** What became of single measurements: all their values are zero, null, or one and the same number. */
function findMeasurementShapes({ trace, emptied, became }: Reading, before: Trace | null): Shape[] {
  const byMeasurement = Map.groupBy(emptied, ({ value }) => value.source_measurement_id)
  const zeros = firstOf([...byMeasurement.keys()]).flatMap((id): Shape[] => {
    const some = byMeasurement.get(id)!
    if (some.length < (trace.counts[id] ?? 0) / 2) return []
    const sum = some.reduce((all, { before: last }) => all + Math.abs(numberOf(last) ?? 0), 0)
    const seen = `${some[0]!.value.measurement_name} became zero or empty`
    return [{ key: `emptied ${id}`, grade: sum >= 10 * minSum ? 'strong' : 'weak', waits: false, seen }]
  })
  const missing = Object.keys(before?.counts ?? {}).filter((id) => !trace.counts[id])
  const nulls = firstOf(missing.map(Number)).map((id): Shape => ({
    key: `null ${id}`,
    grade: 'weak',
    waits: false,
    seen: `measurement ${id} has no value any more`,
  }))
  const same = firstOf([...became.keys()]).flatMap((id): Shape[] => {
    const one = became.get(id)
    if (!one) return []
    const seen = `${one.measurement_name} became ${one.number}`
    return [{ key: `value ${id} ${one.number}`, grade: 'weak', waits: false, seen }]
  })
  return [...zeros, ...nulls, ...same]
}

/** The same measurements for all companies, and not too many. */
function firstOf(ids: number[]): number[] {
  return ids.sort((a, b) => a - b).slice(0, maxMeasurementShapes)
}

function format(number: number): string {
  return String(Math.round(number * 10) / 10)
}
