import { hasCode } from '#runtime/calls/retry.ts'

const foreignKeyViolation = '23503'
/** Postgres 18 has a separate code for ON DELETE RESTRICT. */
const restrictViolation = '23001'

/** Whether Postgres refused to delete a row because other rows refer to it. */
export function isStillReferenced(error: unknown): boolean {
  return hasCode(error, foreignKeyViolation, restrictViolation)
}

/** Whether Postgres refused to write a row because it refers to a row that does not exist. */
export function isReferenceMissing(error: unknown): boolean {
  return hasCode(error, foreignKeyViolation)
}
