/** All in order, in steps of which each is of at most `most` by `sizeOf`, or is one alone. */
export function inSteps<T>(all: readonly T[], most: number, sizeOf: (one: T) => number): T[][] {
  const steps: T[][] = []
  let size = Infinity
  for (const one of all) {
    size += sizeOf(one)
    if (size > most) {
      steps.push([])
      size = sizeOf(one)
    }
    steps.at(-1)!.push(one)
  }
  return steps
}
