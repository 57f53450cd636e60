import { z } from 'zod'
import { count } from '#runtime/process/config.ts'
import { linkSettings } from '#runtime/process/settings.ts'

/** What composing messages reads. */
export const messageSettings = {
  ...linkSettings,
  PUBLIC_URL: z
    .url({ protocol: /^https?$/, normalize: true })
    .refine(isBase, 'must be without user name, ? and #')
    // In Slack's markup, `|` would end the address.
    .transform((url) => url.replaceAll('|', '%7C'))
    .optional()
    .describe('Address at which people reach the edge, for links in messages. Unset: messages have no links.')
    .meta({ basic: true }),
  LINK_DAYS: count(30).describe('Days for which the links in a message are valid.'),
  MAX_LINES: count(30)
    .pipe(z.number().max(40, 'more than 40 do not fit into one Slack message'))
    .describe('News items or events listed in one message. The rest is given as a count.'),
}
export type MessageSettings = z.output<z.ZodObject<typeof messageSettings>>

function isBase(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && `${url.username}${url.password}${url.search}${url.hash}` === ''
}
