import { median } from '../../services/analyzer/signals/order.ts'
import type { Random } from './random.ts'
import type { Series } from './series.ts'

export const kinds = ['spike', 'drop', 'level shift', 'trend break', 'stall', 'missing season'] as const
export type Kind = (typeof kinds)[number]
export const sizes = [0, 1, 2, 3, 4] as const

/** `at`: the first point that the change altered. It is found if that point or one of the two after it is told. */
type Change = { kind: Kind; size: number; at: number }
export type Case = { series: Series; values: number[]; times: number[]; change: Change | null }

const deviations = [5, 7, 10, 15, 25]
const counterShares = [0.01, 0.02, 0.04, 0.08, 0.2]
const levelShares = [0.08, 0.12, 0.2, 0.35, 0.6]
const growths = [2, 3, 5, 8, 15]
const stallPoints = 12
/** No change is put into the first points: nothing is expected of a series that has hardly begun. */
const quietPoints = 20

/**
 * Takes series and puts crawls that failed and crawls that were repeated into them (by company), and one change into
 * about three of five series.
 */
export function makeCases(all: readonly Series[], random: Random, share = 0.6): Case[] {
  const cases: Case[] = []
  const companies = Map.groupBy(all, ({ family, company }) => `${family}/${company}`)
  for (const list of companies.values()) {
    const times = [...new Set(list.flatMap((one) => one.times))].sort((a, b) => a - b)
    const missing = new Set<number>()
    const repeated = new Set<number>()
    let last = 0
    for (const time of times) {
      const dice = random.next()
      // A hole of up to five crawls, or the payload of the crawl before again.
      if (dice < 0.006) last = 1 + random.below(5)
      if (last > 0) {
        missing.add(time)
        last--
      } else if (dice > 0.988) repeated.add(time)
    }
    for (const series of list) cases.push(makeCase(series, missing, repeated, random, share))
  }
  return cases
}

function makeCase(series: Series, missing: Set<number>, repeated: Set<number>, random: Random, share: number): Case {
  const times: number[] = []
  const values: number[] = []
  const chosen = random.next() < share ? choose(series, random) : null
  const altered = chosen ? apply(series, chosen, random) : series.values
  // A change that the series cannot show, such as a fall from zero, is none.
  const change = chosen && altered[chosen.at] !== series.values[chosen.at] ? chosen : null
  const from = change ? series.times[change.at]! : Infinity
  const until = change ? (series.times[change.at + 2] ?? Infinity) : -Infinity
  const changed = change ? altered : series.values
  for (const [i, time] of series.times.entries()) {
    const kept = change !== null && i >= change.at - 1 && i <= change.at + 2
    if (missing.has(time) && !kept) continue
    const isRepeat = repeated.has(time) && !kept && i > 0 && !(time >= from && time <= until)
    values.push(isRepeat ? (values.at(-1) ?? changed[i]!) : changed[i]!)
    times.push(time)
  }
  return { series, times, values, change: change && { ...change, at: times.indexOf(from) } }
}

function choose(series: Series, random: Random): Change | null {
  const count = series.values.length
  const size = random.below(5)
  const at = quietPoints + random.below(count - quietPoints - 4)
  const kind = drawKind(series, random)
  if (kind === 'missing season') return findSeason(series, size, at)
  return isPossible(series, kind, size, at) ? { kind, size, at } : null
}

/** So that about equal numbers of each come out: only counters can stall, and only seasons can be missing. */
function drawKind({ kind, plain }: Series, random: Random): Kind {
  const dice = random.next()
  if (plain && dice < 0.4) return 'missing season'
  if (kind === 'counter' && dice < 0.55) return dice < 0.3 ? 'trend break' : 'stall'
  return random.pick(['spike', 'drop', 'level shift'] as const)
}

function isPossible({ kind, values }: Series, wanted: Kind, size: number, at: number): boolean {
  if (wanted === 'spike' || wanted === 'drop' || wanted === 'level shift') return true
  if (kind !== 'counter') return false
  const before = values.slice(Math.max(0, at - 26), at + 1)
  const steps = before.slice(1).map((value, i) => value - before[i]!)
  const zeros = steps.filter((one) => one === 0).length / steps.length
  const slope = median(steps)
  const spread = 1.4826 * median(steps.map((one) => Math.abs(one - slope)))
  if (slope < 2 || zeros >= 0.05) return false
  // Growth that stays within its ordinary scatter has not changed for anyone who looks at it.
  return wanted === 'stall' || (growths[size]! - 1) * slope >= 2 * spread
}

/** The next point at which the season makes a difference that counts. */
function findSeason({ values, plain }: Series, size: number, from: number): Change | null {
  const least = [0.08, 0.12, 0.16, 0.2, 0.25][size]!
  for (let at = from; at < values.length - 3; at++) {
    const away = Math.abs(values[at]! - plain![at]!) / plain![at]!
    const before = Math.abs(values[at - 1]! - plain![at - 1]!) / plain![at - 1]!
    if (away >= least && before < least) return { kind: 'missing season', size, at }
  }
  return null
}

function apply(series: Series, { kind, size, at }: Change, random: Random): number[] {
  const { values } = series
  const next = values.slice()
  const isWhole = values.every(Number.isInteger)
  const steps = values.slice(1).map((value, i) => value - values[i]!)
  const middle = median(steps)
  // A count cannot deviate by less than one.
  const spread = Math.max(1.4826 * median(steps.map((one) => Math.abs(one - middle))), isWhole ? 1 : 0)
  const level = Math.abs(values[at]!)
  const shares = series.kind === 'counter' ? counterShares : levelShares
  const fit = (value: number) => Math.max(0, isWhole ? Math.round(value) : value)
  const amount = Math.max(deviations[size]! * spread, shares[size]! * level)
  const set = (from: number, to: number, by: number) => {
    for (let i = from; i < Math.min(to, next.length); i++) next[i] = fit(values[i]! + by)
  }
  if (kind === 'missing season') {
    const { plain } = series
    const above = values[at]! > plain![at]!
    for (let i = at; i < next.length && values[i]! > plain![i]! === above; i++) next[i] = plain![i]!
  } else if (kind === 'spike') set(at, at + (series.name.endsWith('month') ? 4 : 1 + random.below(2)), amount)
  else if (kind === 'drop') {
    if (random.next() < 0.5) set(at, at + 1 + random.below(2), -amount)
    else set(at, next.length, -amount)
  } else if (kind === 'level shift') set(at, next.length, random.next() < 0.6 ? amount : -amount)
  else if (kind === 'trend break') {
    const grown = growths[size]! - 1
    const start = values[at - 1]!
    for (let i = at; i < next.length; i++) next[i] = fit(values[i]! + grown * (values[i]! - start))
  } else if (kind === 'stall') {
    const end = Math.min(at + stallPoints, next.length)
    const start = values[at - 1]!
    const lost = values[end - 1]! - start
    for (let i = at; i < next.length; i++) next[i] = i < end ? start : values[i]! - lost
  }
  return next
}
