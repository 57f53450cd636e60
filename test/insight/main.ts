// `make insight`: prints what the detectors find of changes put into real and made series, beside plain methods.
import model from '../../services/analyzer/signals/model.json' with { type: 'json' }
import { scoreSeries } from '../../services/analyzer/commands/detect.ts'
import { flattenTrees, type FlatTrees } from '../../services/analyzer/signals/score.ts'
import { methods } from './baselines.ts'
import { makeCases, type Case } from './inject.ts'
import { collectRows, isTotal, learn, scoreBy } from './learn.ts'
import { makeSeries } from './make-series.ts'
import { printByKind, printDefault, printRow, printHeads } from './print.ts'
import { seeded } from './random.ts'
import { countMonths, type Scored } from './score.ts'
import { readGithubSeries, type Series } from './series.ts'

/** Fixed before the first training, which uses others. */
const seeds = [1, 2, 3]
const madeSeed = 8
const folds = 5

const github = readGithubSeries()
if (github) reportGithub(github)
else console.log('Skipped: the given companies (../shared/data/github-history.ndjson.gz is not there).\n')
reportMade()

function reportGithub(all: readonly Series[]): void {
  const items = all.filter(({ name }) => !isTotal(name))
  const companies = [...new Set(all.map(({ company }) => company))]
  const cases = seeds.flatMap((seed) => makeCases(items, seeded(seed)))
  const months = countMonths(makeCases(items, seeded(1))) * seeds.length
  const count = cases.filter(({ change }) => change).length
  console.log(
    `Given companies: ${companies.length} companies, ${items.length} series, ${count} changes of ${seeds.length} seeds.`,
  )
  console.log('Found within two points, in %, at so many false news items a company and month:\n')
  printHeads()
  for (const [name, method] of Object.entries(methods))
    printRow(
      name,
      scoreAll(cases, ({ times, values }) => method(times, values)),
      months,
    )
  const rows = collectRows(all)
  const heldOut = new Map<string, FlatTrees>()
  const size = Math.ceil(companies.length / folds)
  for (let fold = 0; fold < folds; fold++) {
    const left = companies.filter((_, i) => i % folds === fold).slice(0, size)
    const others = flattenTrees(learn(rows.filter(({ company }) => !left.includes(company))))
    for (const company of left) heldOut.set(company, others)
  }
  const before = process.cpuUsage()
  const trained = scoreAll(cases, scoreLive)
  const { user, system } = process.cpuUsage(before)
  const seconds = (user + system) / 1e6
  printRow('this engine, on what it learnt', trained, months)
  const scored = scoreAll(cases, (one) => scoreBy(heldOut.get(one.series.company)!, one))
  printRow('this engine, four companies left out', scored, months)
  console.log('\nFour companies left out, by kind and size (smallest to largest):\n')
  printByKind(scored, months)
  printDefault(scored, months, model.tellFrom)
  const points = cases.reduce((sum, { times }) => sum + times.length, 0)
  console.log(
    `Speed: ${Math.round(points / seconds).toLocaleString('en')} points per second of one core's time (floor 50,000).\n`,
  )
}

function reportMade(): void {
  const all = makeSeries(madeSeed)
  console.log('Made series that the engine did not learn, each family at its own thresholds:\n')
  printHeads()
  for (const [family, list] of Map.groupBy(all, (one) => one.family)) {
    const cases = seeds.flatMap((seed) => makeCases(list, seeded(seed)))
    const months = countMonths(makeCases(list, seeded(1))) * seeds.length
    const numbers = list.length / new Set(list.map(({ company }) => company)).size
    printRow(`${family}, ${Math.round(numbers)} numbers a company`, scoreAll(cases, scoreLive), months)
    printRow(
      '  robust trend',
      scoreAll(cases, ({ times, values }) => methods['robust trend']!(times, values)),
      months,
    )
  }
}

function scoreAll(cases: readonly Case[], score: (one: Case) => number[]): Scored[] {
  return cases.map((one) => ({ case: one, scores: score(one) }))
}

/** As `parma detect` does. */
function scoreLive({ times, values }: Case): number[] {
  return scoreSeries({ times, values, order: times.map((_, i) => i) })
}
