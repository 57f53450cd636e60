/**
 * Boosted trees as tables. A node of a tree: the index of the feature it asks, and the number that the feature must not
 * exceed to go to the node `left`, else to the one after it. A leaf has the feature -1 and adds `at` to the sum.
 */
export type Tree = { feature: number[]; at: number[]; left: number[] }
export type Trees = { features: string[]; base: number; trees: Tree[] }

/**
 * The same trees as they are asked faster: all nodes in flat arrays, four trees at a time, those of like depth together.
 * A feature is replaced by how many of the thresholds that nodes ask of it are below it, so that a node fits in one number.
 */
export type FlatTrees = {
  base: number
  roots: Int32Array
  /** The threshold's place, the feature, and the node `left`. Leaves ask what is always so and lead to themselves. */
  nodes: Int32Array
  /** What leaves add. */
  added: Float64Array
  /** The place of each tree, in the order of `roots`, in the order in which they are added up. */
  places: Int32Array
  /** Of each feature `mostThresholds` places with its thresholds, which rise, and Infinity. */
  thresholds: Float64Array
  /** How many thresholds are below each feature of a point, and 0 for leaves. */
  row: Uint8Array
  /** What each tree adds for a point. */
  sums: Float64Array
}

const atOnce = 4
const leftBits = 16
const featureBits = 8
const leftMask = 2 ** leftBits - 1
const featureMask = 2 ** featureBits - 1
const thresholdShift = leftBits + featureBits
const thresholdBits = 6
const mostThresholds = 2 ** thresholdBits - 1

export function flattenTrees({ base, trees }: Pick<Trees, 'base' | 'trees'>): FlatTrees {
  const count = trees.reduce((sum, tree) => sum + tree.at.length, 0)
  const width = 1 + trees.reduce((most, { feature }) => Math.max(most, ...feature), 0)
  const asked = collectThresholds(trees, width)
  const isTooLarge = count > leftMask || width > featureMask || asked.some(({ length }) => length > mostThresholds)
  if (isTooLarge) throw new Error('the trees are too large')
  const depths = trees.map((tree) => depthOf(tree, 0))
  const order = trees.map((_, index) => index).sort((a, b) => depths[a]! - depths[b]! || a - b)
  const all = Math.ceil(trees.length / atOnce) * atOnce
  const leaf = (mostThresholds << thresholdShift) | (width << leftBits)
  const flat: FlatTrees = {
    base,
    // Where there are no more trees: a leaf of no tree.
    roots: new Int32Array(all).fill(count),
    nodes: new Int32Array(count + 1).fill(leaf | count),
    added: new Float64Array(count + 1),
    places: Int32Array.from({ length: all }, (_, index) => order[index] ?? index),
    thresholds: new Float64Array(width << thresholdBits).fill(Infinity),
    row: new Uint8Array(width + 1),
    sums: new Float64Array(all),
  }
  for (const [feature, list] of asked.entries()) flat.thresholds.set(list, feature << thresholdBits)
  let start = 0
  for (const [index, place] of order.entries()) {
    const { feature, at, left } = trees[place]!
    flat.roots[index] = start
    for (let node = 0; node < at.length; node++) {
      const one = feature[node]!
      if (one < 0) flat.added[start + node] = at[node]!
      flat.nodes[start + node] =
        one < 0
          ? leaf | (start + node)
          : (asked[one]!.indexOf(at[node]!) << thresholdShift) | (one << leftBits) | (start + left[node]!)
    }
    start += at.length
  }
  return flat
}

/** The thresholds that nodes ask of each feature, which rise. */
function collectThresholds(trees: readonly Tree[], width: number): number[][] {
  const asked = Array.from({ length: width }, () => new Set<number>())
  for (const { feature, at } of trees)
    for (const [node, one] of feature.entries()) if (one >= 0) asked[one]!.add(at[node]!)
  return asked.map((some) => [...some].sort((a, b) => a - b))
}

function depthOf(tree: Tree, node: number): number {
  const left = tree.left[node]!
  return tree.feature[node]! < 0 ? 0 : 1 + Math.max(depthOf(tree, left), depthOf(tree, left + 1))
}

/** Log odds that a point with these features is a change. */
export function sumTrees(trees: FlatTrees, features: ArrayLike<number>): number {
  const { base, roots, nodes, added, places, row, sums } = trees
  rankFeatures(trees, features)
  for (let index = 0; index < roots.length; index += atOnce) {
    let a = roots[index]!
    let b = roots[index + 1]!
    let c = roots[index + 2]!
    let d = roots[index + 3]!
    // Four ways down that do not wait for each other, without a branch that the processor must guess.
    for (;;) {
      const askA = nodes[a]!
      const askB = nodes[b]!
      const askC = nodes[c]!
      const askD = nodes[d]!
      // The sign of the difference is 1 if the feature is above the threshold.
      const nextA = (askA & leftMask) + (((askA >> thresholdShift) - row[(askA >> leftBits) & featureMask]!) >>> 31)
      const nextB = (askB & leftMask) + (((askB >> thresholdShift) - row[(askB >> leftBits) & featureMask]!) >>> 31)
      const nextC = (askC & leftMask) + (((askC >> thresholdShift) - row[(askC >> leftBits) & featureMask]!) >>> 31)
      const nextD = (askD & leftMask) + (((askD >> thresholdShift) - row[(askD >> leftBits) & featureMask]!) >>> 31)
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

/** Counts the thresholds below each feature by halving them. What is no number is above all. */
function rankFeatures({ thresholds, row }: FlatTrees, features: ArrayLike<number>): void {
  for (let feature = 0; feature < row.length - 1; feature++) {
    const value = features[feature]!
    let at = feature << thresholdBits
    at += Number(!(value <= thresholds[at + 31]!)) << 5
    at += Number(!(value <= thresholds[at + 15]!)) << 4
    at += Number(!(value <= thresholds[at + 7]!)) << 3
    at += Number(!(value <= thresholds[at + 3]!)) << 2
    at += Number(!(value <= thresholds[at + 1]!)) << 1
    at += Number(!(value <= thresholds[at]!))
    row[feature] = at & mostThresholds
  }
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
