import { advance } from '../../services/analyzer/signals/advance.ts'
import { featureNames, measurePoint } from '../../services/analyzer/signals/measure.ts'
import { emptyState, leastPoints, maxRecent } from '../../services/analyzer/signals/state.ts'
import { sumTrees, tellOnce, type FlatTrees, type Trees } from '../../services/analyzer/signals/score.ts'
import { boost, type Settings, type Table } from './boost.ts'
import { makeCases, type Case, type Kind } from './inject.ts'
import { makeBusySeasons, makeSeries } from './make-series.ts'
import { seeded } from './random.ts'
import type { Series } from './series.ts'
import { varySeries } from './vary.ts'

/** A row of the table and the company that it comes from, which a held-out model must not have seen. */
type Row = { features: Float64Array; label: number; weight: number; company: string }

/** No seed was chosen by its figures. Those of the measure are in main.ts, and are others. */
const seeds = { unchanged: 1000, github: 2000, made: 3000, seasons: 4000, varied: 5000, madeSeries: 7, busySeasons: 17 }
const passes = 10
const settings: Settings = {
  trees: 240,
  leaves: 24,
  rate: 0.07,
  leastCurvature: 1,
  ridge: 1,
  rowShare: 0.5,
  featureShare: 0.5,
}
/** After a change, this many points teach that it is told once. */
const pointsAfter = 20

/** What the model learns from: the given companies and made series, unchanged and with changes put in. */
export function collectRows(github: readonly Series[]): Row[] {
  const rows: Row[] = []
  const made = makeSeries(seeds.madeSeries)
  // Few series have seasons, so they count more.
  const seasons = [...made.filter(({ plain }) => plain), ...makeBusySeasons(seeds.busySeasons)]
  const items = github.filter(({ name }) => !isTotal(name))
  const totals = github.filter(({ name }) => isTotal(name))
  const random = seeded(seeds.unchanged)
  for (let pass = 0; pass < 2; pass++) addUnchanged(rows, makeCases(items, random, 0), 0.5)
  addUnchanged(rows, makeCases(totals, random, 0), 0.3)
  addUnchanged(rows, makeCases(made, random, 0), 1)
  addUnchanged(rows, makeCases(seasons, random, 0), 3)
  for (let pass = 0; pass < 2; pass++) {
    const varied = varySeries(items, seeded(seeds.varied + pass))
    addUnchanged(rows, makeCases(varied, random, 0), 0.5)
    addChanged(rows, varied, seeds.varied + 100 + pass * 10, 2, 1)
  }
  addChanged(rows, items, seeds.github, passes, 2)
  addChanged(rows, made, seeds.made, passes / 2, 2)
  addChanged(rows, seasons, seeds.seasons, passes / 2, 9)
  return rows
}

/** Totals jump when a list is cut elsewhere: they teach what is no change. None is put into them. */
export const isTotal = (name: string) => name.startsWith('/')

export function learn(rows: readonly Row[]): Trees {
  const table: Table = {
    features: featureNames,
    rows: rows.map(({ features }) => features),
    labels: rows.map(({ label }) => label),
    weights: rows.map(({ weight }) => weight),
  }
  return boost(table, settings)
}

/** Features of the points of a case from an index on. Null where the history does not suffice. */
function traceFeatures({ times, values }: Pick<Case, 'times' | 'values'>, from = 0, to = Infinity) {
  const rows: (Float64Array | null)[] = []
  let state = emptyState()
  for (let i = 0; i < Math.min(times.length, to); i++) {
    const measured = i > 0 ? measurePoint(state, times[i]!, values[i]!) : null
    rows.push(measured && i >= from && i >= leastPoints ? Float64Array.from(measured.features) : null)
    state = advance(state, times[i]!, values[i]!, measured, 0)
  }
  return rows
}

/** Scores as the engine gives them, by a model that need not be the engine's. */
export function scoreBy(model: FlatTrees, one: Case): number[] {
  const own: number[] = []
  return traceFeatures(one).map((row) => {
    const score = row ? 1 / (1 + Math.exp(-sumTrees(model, row) - 1e-3 * row[0]!)) : 0
    const told = tellOnce(own.slice(-maxRecent), score)
    own.push(score)
    return told
  })
}

/** Points that nobody would take for a change are many: one of six stands for all. */
const easyPart = 6
const easySurprise = Math.log(2.5)
const surpriseAt = featureNames.indexOf('surprise')
const zerosAt = featureNames.indexOf('zeros in a row')

function addUnchanged(rows: Row[], cases: readonly Case[], weight: number): void {
  let easy = 0
  for (const one of cases)
    for (const features of traceFeatures(one)) {
      if (!features) continue
      const isEasy = Math.abs(features[surpriseAt]!) <= easySurprise && features[zerosAt] === 0
      if (isEasy && easy++ % easyPart !== 0) continue
      rows.push({ features, label: 0, weight: isEasy ? weight * easyPart : weight, company: one.series.company })
    }
}

function addChanged(rows: Row[], all: readonly Series[], seed: number, count: number, weight: number): void {
  let easy = 0
  for (let pass = 0; pass < count; pass++)
    for (const one of makeCases(all, seeded(seed + pass), 1)) {
      const { change } = one
      if (!change) continue
      const traced = traceFeatures(one, change.at, change.at + pointsAfter)
      for (let i = change.at; i < traced.length; i++) {
        const features = traced[i]
        const taught = teach(change.kind, i - change.at)
        if (!features || taught === null) continue
        const isEasy = taught.label === 0 && Math.abs(features[surpriseAt]!) <= easySurprise
        if (isEasy && easy++ % easyPart !== 0) continue
        const part = (taught.weight * weight * (isEasy ? easyPart : 1)) / count
        rows.push({ features, label: taught.label, weight: part, company: one.series.company })
      }
    }
}

/** What a point after the beginning of a change teaches. Null: nothing, because either answer is right. */
function teach(kind: Kind, after: number): { label: number; weight: number } | null {
  if (after > 2) return { label: 0, weight: 1 }
  // The first zero may be a repeated crawl.
  if (kind === 'stall') return after === 0 ? null : { label: 1, weight: 1 }
  if (kind === 'trend break') return { label: 1, weight: after === 0 ? 0.3 : 1.5 }
  if (kind === 'missing season') return { label: 1, weight: 1 }
  // What comes just after tells a change from an outburst: growth that goes on as before, or a value that comes back.
  return { label: 1, weight: after === 0 ? 1 : 0.3 }
}
