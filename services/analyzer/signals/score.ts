/**
 * Boosted trees as tables. A node of a tree: the index of the feature it asks, and the number that the feature must not
 * exceed to go to the node `left`, else to the one after it. A leaf has the feature -1 and adds `at` to the sum.
 */
export type Tree = { feature: number[]; at: number[]; left: number[] }
export type Trees = { features: string[]; base: number; trees: Tree[] }

/** The same trees one after the other in flat arrays, which are asked faster. `left` of a leaf is -1. */
export type FlatTrees = { base: number; roots: Int32Array; feature: Uint8Array; at: Float64Array; left: Int32Array }

export function flattenTrees({ base, trees }: Pick<Trees, 'base' | 'trees'>): FlatTrees {
  const count = trees.reduce((sum, tree) => sum + tree.at.length, 0)
  const flat: FlatTrees = {
    base,
    roots: new Int32Array(trees.length),
    feature: new Uint8Array(count),
    at: new Float64Array(count),
    left: new Int32Array(count).fill(-1),
  }
  let start = 0
  for (const [index, tree] of trees.entries()) {
    flat.roots[index] = start
    for (let node = 0; node < tree.at.length; node++) {
      flat.at[start + node] = tree.at[node]!
      if (tree.feature[node]! < 0) continue
      flat.feature[start + node] = tree.feature[node]!
      flat.left[start + node] = start + tree.left[node]!
    }
    start += tree.at.length
  }
  return flat
}

/** Log odds that a point with these features is a change. */
export function sumTrees({ base, roots, feature, at, left }: FlatTrees, features: ArrayLike<number>): number {
  let sum = base
  for (let index = 0; index < roots.length; index++) {
    let node = roots[index]!
    for (let lower = left[node]!; lower >= 0; lower = left[node]!)
      node = features[feature[node]!]! <= at[node]! ? lower : lower + 1
    sum += at[node]!
  }
  return sum
}

/** From this score on a point is so likely a change that nothing after it makes it more so. */
const certain = 0.7

/**
 * The score of a point after those of the points before (8 at most): what follows a point that scored as high, or that
 * was hardly to be doubted, belongs to the same change, which is told once.
 */
export function tellOnce(before: readonly number[], own: number): number {
  let highest = 0
  for (const score of before) if (score > highest) highest = score
  return highest >= Math.min(own, certain) ? own * (1 - 0.9 * highest) : own
}
