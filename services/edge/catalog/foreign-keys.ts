// https://www.postgresql.org/docs/current/errcodes-appendix.html
const foreignKeyViolation = '23503'
/** Postgres 18 has a state of its own for ON DELETE RESTRICT. */
const restrictViolation = '23001'

/** Whether Postgres refused to delete a row because rows that must stay point at it. */
export function isPinned(error: unknown): boolean {
  return hasState(error, foreignKeyViolation) || hasState(error, restrictViolation)
}

/** Whether Postgres refused to write a row because a row that it points at is not there. */
export function isMissing(error: unknown): boolean {
  return hasState(error, foreignKeyViolation)
}

function hasState(error: unknown, state: string): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if ((at as Error & { code?: unknown }).code === state) return true
  return false
}
