/**
 * What `work` gives, or after `ms` the error that `explain` makes. The work itself goes on, and its outcome is ignored.
 */
export function withDeadline<T>(work: Promise<T>, ms: number, explain: () => Error): Promise<T> {
  return orAfter(work, ms, () => {
    throw explain()
  })
}

/**
 * What `work` gives, or after `ms` what `late` returns or throws. The work itself goes on, and its outcome is ignored.
 */
export async function orAfter<T, L>(work: Promise<T>, ms: number, late: () => L): Promise<T | L> {
  const { promise: passed, resolve } = Promise.withResolvers<typeof isLate>()
  const timer = setTimeout(resolve, ms, isLate)
  try {
    const first = await Promise.race([work, passed])
    return first === isLate ? late() : (first as T)
  } finally {
    clearTimeout(timer)
  }
}

const isLate = Symbol('late')
