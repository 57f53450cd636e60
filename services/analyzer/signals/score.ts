/**
 * Boosted trees as tables. A node of a tree: the index of the feature it asks, and the number that the feature must not
 * exceed to go to the node `left`, else to the one after it. A leaf has the feature -1 and adds `at` to the sum.
 */
export type Tree = { feature: number[]; at: number[]; left: number[] }
export type Trees = { features: string[]; base: number; trees: Tree[] }

/** Log odds that a point with these features is a change. */
export function sumTrees({ base, trees }: Trees, features: ArrayLike<number>): number {
  let sum = base
  for (const { feature, at, left } of trees) {
    let node = 0
    for (let asked = feature[0]!; asked >= 0; asked = feature[node]!)
      node = features[asked]! <= at[node]! ? left[node]! : left[node]! + 1
    sum += at[node]!
  }
  return sum
}

/**
 * The score of a point after those of the points before (8 at most): what follows a point that scored as high belongs to
 * the same change, which is told once.
 */
export function tellOnce(before: readonly number[], own: number): number {
  let highest = 0
  for (const score of before) if (score > highest) highest = score
  return highest >= own ? own * (1 - 0.9 * highest) : own
}
