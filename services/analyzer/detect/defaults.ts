import type { Severity } from '#schemas/generated/types.ts'

/** What is news when nobody has said anything, as the table in README.md has it. */
export type Policy = {
  /** Percent. */
  threshold: number
  /** A number that moves less than so many of its usual steps is no news. */
  steps: number
  /** Types whose changes are news. */
  types: ReadonlySet<string>
}

export const defaultRule = { id: 'default/percent', version: 2, name: 'default' }

/** From here on a change is a warning, in percent. */
const warnFrom = 50

export function severityOf(percent: number | null): Severity {
  return percent !== null && Math.abs(percent) >= warnFrom ? 'warning' : 'info'
}
