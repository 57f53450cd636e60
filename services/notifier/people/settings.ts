import type { z } from 'zod'
import { flag } from '#runtime/process/config.ts'

/** What finding recipients reads. */
export const peopleSettings = {
  STRICT_CHANNEL_PURPOSE: flag(false).describe(
    'Send alerts only to channels subscribed for NOTIFICATION. Without this, people whose channels are all subscribed for REPORT get alerts there too.',
  ),
}
export type PeopleSettings = z.output<z.ZodObject<typeof peopleSettings>>
