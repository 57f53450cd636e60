import { z } from 'zod'
import { count } from '#runtime/process/config.ts'
import { linkSettings } from '#runtime/process/settings.ts'

/** What composing messages reads. */
export const messageSettings = {
  ...linkSettings,
  LINK_DAYS: count(30).describe('Days for which the links in a message are valid.'),
  MAX_LINES: count(30)
    .pipe(z.number().max(40, 'more than 40 do not fit into one Slack message'))
    .describe('News items or events listed in one message. The rest is given as a count.'),
}
export type MessageSettings = z.output<z.ZodObject<typeof messageSettings>>
