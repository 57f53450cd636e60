/** `work`, or after `ms` the error that `explain` makes. The work itself goes on; what becomes of it is nobody's business. */
export async function withDeadline<T>(work: Promise<T>, ms: number, explain: () => Error): Promise<T> {
  work.catch(() => undefined)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(explain()), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
