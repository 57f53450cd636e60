import { hasCode } from '#runtime/process/retry.ts'

const foreignKeyViolation = '23503'
/** Postgres 18 has a state of its own for ON DELETE RESTRICT. */
const restrictViolation = '23001'

/** Whether Postgres refused to delete a row because rows that must stay point at it. */
export function isStillReferenced(error: unknown): boolean {
  return hasCode(error, foreignKeyViolation, restrictViolation)
}

/** Whether Postgres refused to write a row because a row that it points at is not there. */
export function isReferenceMissing(error: unknown): boolean {
  return hasCode(error, foreignKeyViolation)
}
