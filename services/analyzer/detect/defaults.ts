import type { Severity } from '#schemas/generated/types.ts'

/** What is news without a rule; the table in README.md explains it. */
export type Policy = {
  /** Percent. */
  threshold: number
  /** A move of fewer usual steps than this is not news. */
  steps: number
  /** Types whose changes are news. */
  types: ReadonlySet<string>
}

export const defaultRule = { id: 'default/percent', version: 2, name: 'default' }

/** A change of this many percent or more is a warning. */
const warnFrom = 50

export function severityOf(percent: number | null): Severity {
  return percent !== null && Math.abs(percent) >= warnFrom ? 'warning' : 'info'
}
