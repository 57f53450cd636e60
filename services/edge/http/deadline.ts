import { withDeadline } from '#runtime/calls/deadline.ts'
import { TransientError } from '#runtime/calls/retry.ts'

/** Limits the time of work in Postgres with a TransientError: a frozen server neither answers nor refuses. */
export type Bounded = <T>(work: Promise<T>) => Promise<T>

export function boundBy(ms: number): Bounded {
  return (work) => withDeadline(work, ms, () => new TransientError(`Postgres did not answer within ${ms} ms`))
}
