// `make insight-train`: learns the engine's table of constants from the given companies and made series, and writes it.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../deploy/local/config.ts'
import { flattenTrees, type Trees } from '../../services/analyzer/signals/score.ts'
import { makeCases } from './inject.ts'
import { collectRows, isTotal, learn, scoreBy } from './learn.ts'
import { seeded } from './random.ts'
import { countMonths, findThreshold } from './score.ts'
import { readGithubSeries } from './series.ts'

const file = join(root, 'services/analyzer/signals/model.json')
const github = readGithubSeries()
if (!github) {
  console.error('Nothing is learnt: ../shared/data is not there.')
  process.exit(1)
}
const rows = collectRows(github)
console.log(`${rows.length} points to learn from`)
const model = learn(rows)
const flat = flattenTrees(model)
const cases = makeCases(
  github.filter(({ name }) => !isTotal(name)),
  seeded(500),
)
// Told is what is false less than 0.4 times a company and month on what the model knows; on others it is about 0.5.
const tellFrom = findThreshold(
  cases.map((one) => ({ case: one, scores: scoreBy(flat, one) })),
  0.4 * countMonths(cases),
)
writeFileSync(file, formatModel(model, Number(tellFrom.toPrecision(3))))
console.log(`${model.trees.length} trees in ${file}, told from ${tellFrom.toPrecision(3)}`)

/** A line for each tree. */
function formatModel({ features, base, trees }: Trees, tellFrom: number): string {
  const list = (items: readonly unknown[]) => `[\n${items.map((one) => `    ${JSON.stringify(one)}`).join(',\n')}\n  ]`
  return `{\n  "tellFrom": ${tellFrom},\n  "base": ${base},\n  "features": ${list(features)},\n  "trees": ${list(trees)}\n}\n`
}
