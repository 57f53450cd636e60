import { extent } from 'd3-array'

/** A value (`at` in ms since 1970). null: there was none, and no line is drawn across. */
export type Point = { at: number; value: number | null }
export type Forecast = { at: number; value: number; low: number; high: number }
/** A news item. */
export type Mark = { at: number; text: string }
/** A time in which the source was down, late or suspect. */
export type Shade = { from: number; to: number; kind: ShadeKind }
export const shadeKinds = ['down', 'late', 'suspect'] as const
export type ShadeKind = (typeof shadeKinds)[number]
/** What values are: numbers, percents (12 is 12%), bytes, or times in ms since 1970. */
export type Unit = 'number' | 'percent' | 'bytes' | 'date'

/** What a picture of one series shows. */
export type Series = {
  title: string
  unit?: Unit
  /** In any order. Of several at one time the last counts. */
  points: readonly Point[]
  forecast?: readonly Forecast[]
  marks?: readonly Mark[]
  shades?: readonly Shade[]
  /** The times that are shown; those of the points and of the forecast unless told. */
  from?: number
  to?: number
  /** Two values further apart than this have a gap between them; derived from the usual distance unless told. */
  gapMs?: number
}
export type Valued = { at: number; value: number }
export type Span = { from: number; to: number }

/** A series in order, without what is not shown. */
export type ReadSeries = {
  title: string
  unit: Unit
  points: readonly Valued[]
  /** The points, divided at gaps. */
  runs: readonly (readonly Valued[])[]
  gaps: readonly Span[]
  forecast: readonly Forecast[]
  marks: readonly Mark[]
  /** Of each kind those that touch are one. */
  shades: readonly Shade[]
  /** The times shown; `from` is before `to`. */
  from: number
  to: number
}

/** The years 1000 to 9999. */
const [earliest, latest] = [Date.UTC(1000, 0, 2), Date.UTC(9999, 11, 30)]
const halfDayMs = 12 * 3600_000

/** Throws a RangeError that names the first number that is none (NaN, Infinity), or a time outside the years 1000 to 9999. */
export function readSeries(series: Series): ReadSeries {
  const { title, unit = 'number' } = series
  const all = inOrder(series.points)
  const forecast = inOrder(series.forecast ?? [])
  for (const { at, value, low, high } of forecast) {
    ;[value, low, high].forEach((number) => checkNumber(number, at))
    if (low > high) throw new RangeError(`the forecast of ${new Date(at).toISOString()} has its low above its high`)
  }
  for (const { at, value } of all) if (value !== null) checkNumber(value, at)
  if (unit === 'date') for (const { value } of [...all, ...forecast]) if (value !== null) checkTime(value)
  const { from, to } = readSpan(series, all, forecast)
  const isShown = ({ at }: { at: number }) => at >= from && at <= to
  const shown = all.filter(isShown)
  const points = shown.filter((point): point is Valued => point.value !== null)
  const { runs, gaps } = divide(shown, series.gapMs ?? usualGap(points))
  return {
    ...{ title, unit, points, runs, gaps, from, to },
    forecast: forecast.filter(isShown),
    marks: (series.marks ?? []).filter((mark) => isShown(checked(mark))).toSorted((a, b) => a.at - b.at),
    shades: readShades(series.shades ?? [], { from, to }),
  }
}

/** All values that a picture has to have room for. */
export function valuesOf({ points, forecast }: Pick<ReadSeries, 'points' | 'forecast'>): number[] {
  return points.map(({ value }) => value).concat(forecast.flatMap(({ value, low, high }) => [value, low, high]))
}

function checkNumber(value: number, at: number): void {
  if (!Number.isFinite(value)) throw new RangeError(`the value of ${new Date(at).toISOString()} is ${value}`)
}

function checked<T extends { at: number }>(what: T): T {
  checkTime(what.at)
  return what
}

function checkTime(at: number): number {
  if (!(at >= earliest && at <= latest)) throw new RangeError(`${at} is no time between the years 1000 and 9999`)
  return at
}

/** By time, of several at one time the last. */
function inOrder<T extends { at: number }>(given: readonly T[]): T[] {
  const sorted = given.every(({ at }, index) => index === 0 || at >= (given[index - 1] as T).at)
    ? given
    : given.toSorted((a, b) => checkTime(a.at) - checkTime(b.at))
  return sorted.filter((one, index) => checkTime(one.at) !== sorted[index + 1]?.at)
}

function readSpan({ from, to, marks = [] }: Series, ...given: readonly (readonly { at: number }[])[]): Span {
  const [first, last] = extent(given.flatMap((some) => [some[0], some.at(-1)].flatMap((one) => one?.at ?? [])))
  const [mark] = extent(marks, ({ at }) => at)
  const start = checkTime(from ?? first ?? to ?? mark ?? 0)
  const end = checkTime(to ?? last ?? start)
  if (from !== undefined && to !== undefined && from > to) throw new RangeError('a picture ends before it begins')
  return start < end ? { from: start, to: end } : { from: end - halfDayMs, to: end + halfDayMs }
}

/** Three times the usual distance, or twice what a quarter of the distances exceed. Too few points have no gaps. */
function usualGap(points: readonly Valued[]): number {
  if (points.length < 5) return Infinity
  const distances = new Float64Array(points.length - 1)
  for (let index = 1; index < points.length; index++)
    distances[index - 1] = (points[index] as Valued).at - (points[index - 1] as Valued).at
  distances.sort()
  const quantile = (share: number) => distances[Math.floor(share * (distances.length - 1))] ?? Infinity
  return Math.max(3 * quantile(0.5), 2 * quantile(0.75))
}

function divide(shown: readonly Point[], gapMs: number): Pick<ReadSeries, 'runs' | 'gaps'> {
  const runs: Valued[][] = []
  const gaps: Span[] = []
  let last: number | null = null
  let isBroken = true
  for (const { at, value } of shown) {
    if (value === null) isBroken = true
    else {
      const isGap = last !== null && (isBroken || at - last > gapMs)
      if (isGap && last !== null) gaps.push({ from: last, to: at })
      if (isGap || last === null) runs.push([])
      runs.at(-1)?.push({ at, value })
      last = at
      isBroken = false
    }
  }
  return { runs, gaps }
}

function readShades(given: readonly Shade[], { from, to }: Span): Shade[] {
  const shown = given
    .map((shade) => ({ ...shade, from: Math.max(checkTime(shade.from), from), to: Math.min(checkTime(shade.to), to) }))
    .filter((shade) => shade.from <= shade.to)
  return shadeKinds
    .flatMap((kind) => merge(shown.filter((shade) => shade.kind === kind)))
    .toSorted((a, b) => a.from - b.from)
}

function merge(shades: readonly Shade[]): Shade[] {
  const merged: Shade[] = []
  for (const shade of shades.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1)
    if (last && shade.from <= last.to) last.to = Math.max(last.to, shade.to)
    else merged.push({ ...shade })
  }
  return merged
}
