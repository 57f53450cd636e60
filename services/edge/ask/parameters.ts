import { z } from 'zod'
import { iso, isoProblem, isStorable, notStorable, readIso } from '#runtime/text/iso-time.ts'
import { lenient, text } from '../http/validation.ts'

/** Rows of a page. */
const pageSize = { usual: 50, most: 200 }
/** Longer names are searched for by their beginning. */
const longestText = 200
/** A cursor holds the beginning of a name at most. */
const longestCursor = 2000

/** The id of a row. */
export const id = lenient(z.int32().min(1))

/** Part of a name. */
export const words = text(longestText)

/** Parameters of every list. */
export const paging = {
  limit: lenient(z.int32().min(1).max(pageSize.most)).default(pageSize.usual),
  cursor: z
    .string()
    .max(longestCursor)
    .meta({ pattern: '^[\\w-]*$' })
    .optional()
    .describe('`next` of the page before. Change no other parameter.'),
}

/** `json`, or a file for spreadsheets. Without it the header Accept decides. */
export const format = z.enum(['json', 'csv']).optional()

/** A date or time in ISO 8601, UTC if it has no offset, as in times of responses. */
export const time = z
  .string()
  .max(40)
  .superRefine((value, { addIssue }) => {
    if (isStorable(value)) return
    const reason =
      readIso(value) !== null
        ? notStorable
        : (isoProblem(value) ?? 'write a date or time in ISO 8601, such as 2026-01-31 or 2026-01-31T08:00:00Z')
    addIssue({ code: 'custom', message: reason })
  })
  .describe('A date or time in ISO 8601, UTC if it has no offset.')
  .meta({ pattern: iso.source })

/** From `since` to before `until`, both observed times. */
export const period = { since: time.optional(), until: time.optional() }

/** A check of objects with `period`. */
export function isForward({ since, until }: { since?: string | undefined; until?: string | undefined }): boolean {
  const [from, to] = [since, until].map((value) => (value === undefined ? null : readIso(value)))
  return from === null || to === null || from === undefined || to === undefined || from < to
}

export const backward = { path: ['until'], message: 'until must be later than since' }

/** A time as Postgres reads it; null: there is none. */
export function timeOf(value: string | undefined): string | null {
  const at = value === undefined ? null : readIso(value)
  return at === null ? null : new Date(at).toISOString()
}
