import type { Severity } from '#schemas/generated/types.ts'

/**
 * What is news when nobody has said anything:
 *
 * | type | news |
 * |---|---|
 * | int, float | rule `default/percent`, for measurements with no rule that can be followed: a change by DEFAULT_PERCENT_THRESHOLD or more, or from zero, that is also DEFAULT_STEPS times the median step of the series (and of an int twice its square root). Two measurements of one thing that go together from the same number to the same number are one news |
 * | text, paragraph | a change of words: not of white space, case or punctuation, nor of the numbers within a sentence. Of a list of scalars what was added and removed, whatever its order |
 * | bool | any change |
 * | date | nothing: times of the last commit or visit change with every crawl |
 * | link, image | nothing: they carry counters and tokens |
 * | comment | nothing: a comment is not edited, it appears |
 * | items of a list | those that appear, and those that are gone for GONE_AFTER payloads, except where the list or the map is new. More than MAX_ITEM_NEWS of a list at once are one news |
 * | items known by their position alone | nothing: it is not the item that changes |
 *
 * TELL_CHANGES_OF says otherwise for all but numbers, a rule of our own (`changed`, `never`) for what it is about. A series that goes to and fro is marked as flapping with its second
 * turn, and from then on silent until it keeps still for three values.
 */
export type Policy = {
  /** Percent. */
  threshold: number
  /** A number that moves less than so many of its usual steps is no news. */
  steps: number
  /** Types whose changes are news. */
  told: ReadonlySet<string>
}

export const defaultRule = { id: 'default/percent', version: 2, name: 'default' }

/** From here on a change is a warning, in percent. */
const warnFrom = 50

export function severityOf(percent: number | null): Severity {
  return percent !== null && Math.abs(percent) >= warnFrom ? 'warning' : 'info'
}
