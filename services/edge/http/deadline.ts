import { TransientError } from '#runtime/process/retry.ts'

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

/** Work in Postgres, or after a time a TransientError: a frozen server neither answers nor refuses. */
export type Bounded = <T>(work: Promise<T>) => Promise<T>

export function boundBy(ms: number): Bounded {
  return (work) => withDeadline(work, ms, () => new TransientError(`Postgres did not answer within ${ms} ms`))
}
