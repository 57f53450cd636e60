/**
 * Boosted trees as tables. A node of a tree: the index of the feature it asks, and the number that the feature must not
 * exceed to go to the node `left`, else to the one after it. A leaf has the feature -1 and adds `at` to the sum.
 */
export type Tree = { feature: number[]; at: number[]; left: number[] }
export type Trees = { features: string[]; base: number; trees: Tree[] }

/**
 * The same trees as they are asked faster: all nodes in flat arrays, four trees at a time, those of like depth together.
 * `nodes`: what a node asks, and the node `left`, as one number. Leaves ask what is always so and lead to themselves.
 */
export type FlatTrees = {
  base: number
  roots: Int32Array
  nodes: Int32Array
  at: Float64Array
  /** What leaves add. */
  added: Float64Array
  /** The place of each tree, in the order of `roots`, in the order in which they are added up. */
  places: Int32Array
  /** The features of a point, and one more for leaves. */
  row: Float64Array
  /** What each tree adds for a point. */
  sums: Float64Array
}

const atOnce = 4
const leftBits = 20
const leftMask = 2 ** leftBits - 1

export function flattenTrees({ base, trees }: Pick<Trees, 'base' | 'trees'>): FlatTrees {
  const count = trees.reduce((sum, tree) => sum + tree.at.length, 0)
  const width = 1 + trees.reduce((most, { feature }) => Math.max(most, ...feature), 0)
  if (count > leftMask || width >= 2 ** (31 - leftBits)) throw new Error('the trees are too large')
  const depths = trees.map((tree) => depthOf(tree, 0))
  const order = trees.map((_, index) => index).sort((a, b) => depths[a]! - depths[b]! || a - b)
  const all = Math.ceil(trees.length / atOnce) * atOnce
  const flat: FlatTrees = {
    base,
    // Where there are no more trees: a leaf of no tree.
    roots: new Int32Array(all).fill(count),
    nodes: new Int32Array(count + 1).fill((width << leftBits) | count),
    at: new Float64Array(count + 1).fill(Infinity),
    added: new Float64Array(count + 1),
    places: Int32Array.from({ length: all }, (_, index) => order[index] ?? index),
    row: new Float64Array(width + 1),
    sums: new Float64Array(all),
  }
  let start = 0
  for (const [index, place] of order.entries()) {
    const { feature, at, left } = trees[place]!
    flat.roots[index] = start
    for (let node = 0; node < at.length; node++) {
      const asked = feature[node]!
      const isLeaf = asked < 0
      flat.nodes[start + node] = ((isLeaf ? width : asked) << leftBits) | (start + (isLeaf ? node : left[node]!))
      if (isLeaf) flat.added[start + node] = at[node]!
      else flat.at[start + node] = at[node]!
    }
    start += at.length
  }
  return flat
}

function depthOf(tree: Tree, node: number): number {
  const left = tree.left[node]!
  return tree.feature[node]! < 0 ? 0 : 1 + Math.max(depthOf(tree, left), depthOf(tree, left + 1))
}

/** Log odds that a point with these features is a change. */
export function sumTrees(trees: FlatTrees, features: ArrayLike<number>): number {
  const { base, roots, nodes, at, added, places, row, sums } = trees
  for (let index = 0; index < row.length - 1; index++) row[index] = features[index]!
  for (let index = 0; index < roots.length; index += atOnce) {
    let a = roots[index]!
    let b = roots[index + 1]!
    let c = roots[index + 2]!
    let d = roots[index + 3]!
    // Four ways down that do not wait for each other, without a branch that the processor must guess.
    for (;;) {
      const nextA = (nodes[a]! & leftMask) + Number(!(row[nodes[a]! >> leftBits]! <= at[a]!))
      const nextB = (nodes[b]! & leftMask) + Number(!(row[nodes[b]! >> leftBits]! <= at[b]!))
      const nextC = (nodes[c]! & leftMask) + Number(!(row[nodes[c]! >> leftBits]! <= at[c]!))
      const nextD = (nodes[d]! & leftMask) + Number(!(row[nodes[d]! >> leftBits]! <= at[d]!))
      if (((nextA ^ a) | (nextB ^ b) | (nextC ^ c) | (nextD ^ d)) === 0) break
      a = nextA
      b = nextB
      c = nextC
      d = nextD
    }
    sums[places[index]!] = added[a]!
    sums[places[index + 1]!] = added[b]!
    sums[places[index + 2]!] = added[c]!
    sums[places[index + 3]!] = added[d]!
  }
  let sum = base
  for (let index = 0; index < sums.length; index++) sum += sums[index]!
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
