import { z } from 'zod'
import type { Compared, Part } from './compare.ts'

/** By name, by momentum, or by what one measurement (its id) says. */
export const sorting = z
  .string()
  .regex(/^(name|momentum|(value|change|rank)-[1-9]\d{0,8})$/)
  .default('name')

export type Direction = 'ascending' | 'descending'

/** Names and ranks are ordered from the first on, other numbers from the largest, unless told. */
export function directionOf({ sort, direction }: { sort: string; direction?: Direction | undefined }): Direction {
  return direction ?? (sort === 'name' || sort.startsWith('rank-') ? 'ascending' : 'descending')
}

/** The measurement that a sorting is about; null: none. */
export function measurementOf(sort: string): number | null {
  const [, id] = sort.split('-')
  return id === undefined ? null : Number(id)
}

/** The part that speaks for a measurement: of several subjects the one with the largest newest value. */
export function leadingPart<P extends Pick<Part, 'measurementId' | 'newest' | 'seriesId'>>(
  parts: readonly P[],
  measurement: number,
): P | null {
  const own = parts.filter(({ measurementId }) => measurementId === measurement)
  return own.toSorted((a, b) => b.newest.value - a.newest.value || (a.seriesId < b.seriesId ? -1 : 1))[0] ?? null
}

/** What a company is ordered by; null: it has none. */
function keyOf(compared: Compared | undefined, sort: string): number | null {
  const measurement = measurementOf(sort)
  if (measurement === null) return compared?.momentum ?? null
  const part = leadingPart(compared?.parts ?? [], measurement)
  if (part === null || sort.startsWith('value-')) return part?.newest.value ?? null
  return sort.startsWith('rank-') ? part.rank : part.change.percent
}

/** Where a company stands: those without a key (1) come last in both directions. */
export const place = z.tuple([z.literal([0, 1]), z.number(), z.int32()])
export type Place = z.output<typeof place>

/** The companies in order, from the one behind `after` on. */
export function orderCompanies(
  ids: readonly number[],
  grown: ReadonlyMap<number, Compared>,
  asked: { sort: string; direction?: Direction | undefined },
  after: Place | null,
): { id: number; place: Place }[] {
  const sign = directionOf(asked) === 'ascending' ? 1 : -1
  const placed = ids.map((id) => {
    const key = keyOf(grown.get(id), asked.sort)
    return { id, place: [key === null ? 1 : 0, key ?? 0, id] satisfies Place as Place }
  })
  const compare = (a: Place, b: Place) => a[0] - b[0] || sign * (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0) || a[2] - b[2]
  return placed
    .filter((one) => after === null || compare(after, one.place) < 0)
    .toSorted((a, b) => compare(a.place, b.place))
}
