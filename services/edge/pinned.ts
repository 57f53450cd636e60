// foreign_key_violation, and restrict_violation, which Postgres 18 has for ON DELETE RESTRICT.
const pinnedStates = new Set(['23503', '23001'])

/** Whether Postgres refused to delete a row because rows that must stay point at it. */
export function isPinned(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if (pinnedStates.has(String((at as Error & { code?: unknown }).code))) return true
  return false
}
