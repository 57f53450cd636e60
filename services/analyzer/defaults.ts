import type { Severity } from '#schemas/generated/types.ts'

/**
 * What is news when nobody has said anything:
 *
 * | type | news |
 * |---|---|
 * | int, float | a change by DEFAULT_PERCENT_THRESHOLD (5 %) or more, or from zero: rule `default/percent` version 1, for measurements with no rule that can be followed |
 * | text, paragraph | any change but of white space; of a list what was added and removed, whatever its order |
 * | bool | any change |
 * | date | nothing: times of the last commit or visit change with every crawl |
 * | link, image | nothing: they carry counters and tokens |
 * | comment | nothing: a comment is not edited, it appears |
 *
 * TELL_CHANGES_OF says otherwise for all but numbers.
 */
export type Policy = {
  /** Percent. */
  threshold: number
  /** Types whose changes are news. */
  told: ReadonlySet<string>
}

export const defaultRule = { id: 'default/percent', version: 1, name: 'default' }

/** From here on a change is a warning, in percent. */
const warnFrom = 50

export function severityOf(percent: number | null): Severity {
  return percent !== null && Math.abs(percent) >= warnFrom ? 'warning' : 'info'
}
