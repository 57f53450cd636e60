import { z } from 'zod'
import { flag } from '#runtime/process/config.ts'
import { isZone } from '#runtime/text/time-zone.ts'

/** What finding recipients reads. */
export const peopleSettings = {
  STRICT_CHANNEL_PURPOSE: flag(false).describe(
    'Send alerts only to channels subscribed for NOTIFICATION. Without this, people whose channels are all subscribed for REPORT get alerts there too.',
  ),
  DIGEST_ZONE: z
    .string()
    .refine(isZone, 'not a time zone such as Europe/Berlin')
    .default('UTC')
    .describe('Time zone (IANA) of people who have set none: of their weekly report, quiet hours and days.')
    .meta({ basic: true }),
}
export type PeopleSettings = z.output<z.ZodObject<typeof peopleSettings>>
