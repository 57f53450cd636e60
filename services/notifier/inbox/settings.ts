import type { z } from 'zod'
import { count } from '#runtime/process/config.ts'

/** What storing news items reads. */
export const inboxSettings = {
  GROUP_WAIT_MS: count(2000, 0).describe(
    'The news items of one payload go out together. The notifier waits at most this long after the first one.',
  ),
}
export type InboxSettings = z.output<z.ZodObject<typeof inboxSettings>>
