import { expect, test } from 'vitest'
import model from './model.json' with { type: 'json' }
import { flattenTrees, sumTrees, type Tree } from './score.ts'

function sumOneByOne(trees: readonly Tree[], base: number, features: readonly number[]): number {
  return trees.reduce((sum, { feature, at, left }) => {
    let node = 0
    while (feature[node]! >= 0) node = features[feature[node]!]! <= at[node]! ? left[node]! : left[node]! + 1
    return sum + at[node]!
  }, base)
}

test.each([240, 5, 1])('%d trees give exactly what they give one by one, whatever the features are', (count) => {
  const trees = model.trees.slice(0, count)
  const flat = flattenTrees({ base: model.base, trees })
  const thresholds = model.features.map((_, feature) =>
    trees.flatMap((tree) => tree.at.filter((_one, node) => tree.feature[node] === feature)),
  )
  for (let n = 0; n < 500; n++) {
    const features = thresholds.map((of, feature) => {
      const at = of[(n * 7 + feature) % Math.max(1, of.length)] ?? 0
      return [at, at + 0.01, at - 0.01, NaN, Infinity, -Infinity, 0][(n + 3 * feature) % 7]!
    })
    expect(sumTrees(flat, features)).toBe(sumOneByOne(trees, model.base, features))
  }
})
