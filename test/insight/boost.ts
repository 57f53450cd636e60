import { seeded } from './random.ts'
import type { Tree, Trees } from '../../services/analyzer/signals/score.ts'

/** Rows of features with a label (1: a change) and a weight. */
export type Table = { features: string[]; rows: Float64Array[]; labels: number[]; weights: number[] }
export type Settings = {
  trees: number
  leaves: number
  rate: number
  /** Least sum of curvature in a leaf, and what is added to it against small leaves. */
  leastCurvature: number
  ridge: number
  /** Each tree sees these parts of the rows and of the features, drawn with a fixed seed. */
  rowShare: number
  featureShare: number
}

const bins = 64
type Leaf = {
  rows: Int32Array
  g: Float64Array
  h: Float64Array
  gain: number
  feature: number
  bin: number
  node: number
}

/** Boosted trees for log loss. The same table and settings give the same trees. */
export function boost(table: Table, settings: Settings): Trees {
  const { features, rows, labels, weights } = table
  const count = rows.length
  const edges = features.map((_, f) => findEdges(rows, f))
  const codes = features.map((_, f) => Uint8Array.from(rows, (row) => findBin(edges[f]!, row[f]!)))
  let positive = 0
  let total = 0
  for (let i = 0; i < count; i++) {
    total += weights[i]!
    positive += weights[i]! * labels[i]!
  }
  const base = round(Math.log(positive / (total - positive)))
  const sums = new Float64Array(count).fill(base)
  const g = new Float64Array(count)
  const h = new Float64Array(count)
  const trees: Tree[] = []
  const random = seeded(1)
  for (let t = 0; t < settings.trees; t++) {
    for (let i = 0; i < count; i++) {
      const p = 1 / (1 + Math.exp(-sums[i]!))
      g[i] = weights[i]! * (p - labels[i]!)
      h[i] = weights[i]! * p * (1 - p)
    }
    const drawn = Int32Array.from(sums.keys()).filter(() => random.next() < settings.rowShare)
    const asked = features.map((_, f) => f).filter(() => random.next() < settings.featureShare)
    const tree = growTree(codes, edges, asked, drawn, g, h, settings)
    trees.push(tree)
    for (let i = 0; i < count; i++) sums[i]! += findLeaf(tree, rows[i]!)
  }
  return { features, base, trees }
}

function findLeaf({ feature, at, left }: Tree, row: Float64Array): number {
  let node = 0
  for (let asked = feature[0]!; asked >= 0; asked = feature[node]!)
    node = row[asked]! <= at[node]! ? left[node]! : left[node]! + 1
  return at[node]!
}

function growTree(
  codes: Uint8Array[],
  edges: number[][],
  asked: readonly number[],
  drawn: Int32Array,
  g: Float64Array,
  h: Float64Array,
  settings: Settings,
): Tree {
  const tree: Tree = { feature: [-1], at: [0], left: [-1] }
  const makeLeaf = (rows: Int32Array, node: number): Leaf => {
    const leaf = {
      rows,
      g: new Float64Array(codes.length * bins),
      h: new Float64Array(codes.length * bins),
      gain: 0,
      feature: -1,
      bin: 0,
      node,
    }
    for (const f of asked) {
      const column = codes[f]!
      const start = f * bins
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i]!
        const at = start + column[row]!
        leaf.g[at]! += g[row]!
        leaf.h[at]! += h[row]!
      }
    }
    return leaf
  }
  const root = makeLeaf(drawn, 0)
  findSplit(root, asked, settings)
  const leaves = [root]
  while (leaves.length < settings.leaves) {
    let best = leaves[0]!
    for (const leaf of leaves) if (leaf.gain > best.gain) best = leaf
    if (best.gain <= 0) break
    const { feature, bin, node } = best
    const column = codes[feature]!
    const lower = best.rows.filter((row) => column[row]! <= bin)
    const upper = best.rows.filter((row) => column[row]! > bin)
    const left = tree.feature.length
    tree.feature[node] = feature
    tree.at[node] = edges[feature]![bin]!
    tree.left[node] = left
    tree.feature.push(-1, -1)
    tree.at.push(0, 0)
    tree.left.push(-1, -1)
    const small = lower.length <= upper.length
    const first = makeLeaf(small ? lower : upper, small ? left : left + 1)
    const other: Leaf = { ...first, rows: small ? upper : lower, node: small ? left + 1 : left, g: best.g, h: best.h }
    for (let i = 0; i < other.g.length; i++) {
      other.g[i]! -= first.g[i]!
      other.h[i]! -= first.h[i]!
    }
    findSplit(first, asked, settings)
    findSplit(other, asked, settings)
    leaves.splice(leaves.indexOf(best), 1, first, other)
  }
  for (const { rows, node } of leaves) {
    let sumG = 0
    let sumH = 0
    for (const row of rows) {
      sumG += g[row]!
      sumH += h[row]!
    }
    const value = round((-settings.rate * sumG) / (sumH + settings.ridge))
    tree.at[node] = value
  }
  return tree
}

function findSplit(leaf: Leaf, asked: readonly number[], { leastCurvature, ridge }: Settings): void {
  leaf.gain = 0
  let allG = 0
  let allH = 0
  const start = asked[0]! * bins
  for (let bin = 0; bin < bins; bin++) {
    allG += leaf.g[start + bin]!
    allH += leaf.h[start + bin]!
  }
  const whole = (allG * allG) / (allH + ridge)
  for (const f of asked) {
    let sumG = 0
    let sumH = 0
    for (let bin = 0; bin < bins - 1; bin++) {
      sumG += leaf.g[f * bins + bin]!
      sumH += leaf.h[f * bins + bin]!
      if (sumH < leastCurvature) continue
      if (allH - sumH < leastCurvature) break
      const gain = (sumG * sumG) / (sumH + ridge) + ((allG - sumG) * (allG - sumG)) / (allH - sumH + ridge) - whole
      if (gain > leaf.gain + 1e-9) Object.assign(leaf, { gain, feature: f, bin })
    }
  }
}

/** Numbers between which the feature's values fall into about equal parts. */
function findEdges(rows: readonly Float64Array[], feature: number): number[] {
  const step = Math.max(1, Math.floor(rows.length / 40_000))
  const sample: number[] = []
  for (let i = 0; i < rows.length; i += step) sample.push(rows[i]![feature]!)
  const sorted = Float64Array.from(sample).sort()
  const edges = new Set<number>()
  // The outer parts hold what is rare, so they are cut finer.
  for (let part = 1; part < bins; part++) {
    const x = part / bins
    const at = x < 0.15 ? (x / 0.15) ** 3 * 0.15 : x > 0.6 ? 1 - ((1 - x) / 0.4) ** 3 * 0.4 : x
    edges.add(round(sorted[Math.min(sorted.length - 1, Math.floor(at * sorted.length))]!))
  }
  return [...edges].sort((a, b) => a - b).slice(0, bins - 1)
}

function findBin(edges: readonly number[], value: number): number {
  let low = 0
  let high = edges.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (value <= edges[middle]!) high = middle
    else low = middle + 1
  }
  return low
}

const round = (x: number) => Math.round(x * 1e4) / 1e4
