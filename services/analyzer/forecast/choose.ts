import { plainModels } from './models.ts'
import { orderOf, shorten } from './statistics.ts'

/**
 * How a model did before; newer forecasts count more. `error`: mean distance from what came. `count`: the weight of all
 * that is known. `lead`: how much nearer it was than the models without season, -1 (far behind) to 1.
 */
export type Past = readonly [error: number, count: number, lead: number]

/** The weight of a forecast falls by this factor with each later one. */
const memory = 0.98
/**
 * A model that is new starts as if so many of its forecasts had been worse than the best by this factor; for forecasts
 * over several steps so many times more, because they share most of what they miss and teach less.
 */
const assumed = { count: 4, factor: 1.15 }
/** How sharply better models are preferred, one step ahead. */
const sharpness = 18
/** The part of the weight around its middle whose mean is the forecast: between a median (0) and a mean (1). */
const core = 0.2
/** A season counts when it was ahead so often and so far that chance does not explain it. */
const clearLead = 0.8

export const noPast: Past = [0, 0, 0]

/** `missedBy`, `plainMissedBy`: how far a model and the models without season were from what came. */
export function addMiss([error, count, lead]: Past, missedBy: number, plainMissedBy: number): Past {
  const weight = count * memory + 1
  const both = plainMissedBy + missedBy
  const ahead = both > 0 ? (plainMissedBy - missedBy) / both : 0
  return [
    shorten(error + (missedBy - error) / weight, 6),
    shorten(weight, 4),
    shorten(lead + (ahead - lead) / weight, 4),
  ]
}

/** `value`: the forecast of all models, `plain`: of those without season, `best`: the index of the one that did best. */
export type Choice = { value: number; plain: number; best: number }

/** One forecast of many: the middle of them, weighted by how well each model did before at so many `steps`. */
export function choose(forecasts: readonly (number | null)[], pasts: readonly Past[], steps: number): Choice {
  const known = forecasts.flatMap((forecast, index) => (forecast === null ? [] : [index]))
  const plain = known.filter((index) => index < plainModels)
  const least = leastError(plain, pasts)
  const isClear = ([error, count, lead]: Past) =>
    count >= 4 && error <= least && lead * Math.sqrt(count / Math.sqrt(steps)) >= clearLead
  const used = known.filter((index) => index < plainModels || isClear(pasts[index]!))
  const ofPlain = weigh(plain, forecasts, pasts, steps)
  const { value, best } = used.length > plain.length ? weigh(used, forecasts, pasts, steps) : ofPlain
  return { value, plain: ofPlain.value, best }
}

function leastError(models: readonly number[], pasts: readonly Past[]): number {
  return Math.min(...models.filter((index) => pasts[index]![1] > 0).map((index) => pasts[index]![0]))
}

function weigh(
  models: readonly number[],
  forecasts: readonly (number | null)[],
  pasts: readonly Past[],
  steps: number,
) {
  const start = assumed.count * steps
  const least = leastError(models, pasts)
  const expected = models.map((index) => {
    const [error, count] = pasts[index]!
    if (least === Infinity) return 1
    return (error * count + least * assumed.factor * start) / (count + start)
  })
  const smallest = Math.min(...expected)
  const weights = expected.map((error) => (error > 0 ? (smallest / error) ** (sharpness / Math.sqrt(steps)) : 1))
  const values = models.map((index) => forecasts[index]!)
  return { value: middleOf(values, weights), best: models[expected.indexOf(smallest)]! }
}

function middleOf(values: readonly number[], weights: readonly number[]): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const [from, to] = [(total * (1 - core)) / 2, (total * (1 + core)) / 2]
  let [below, sum] = [0, 0]
  for (const index of orderOf(values)) {
    const inside = Math.min(below + weights[index]!, to) - Math.max(below, from)
    if (inside > 0) sum += (inside / (to - from)) * values[index]!
    below += weights[index]!
  }
  return sum
}
