import { z } from 'zod'
import { count } from '#runtime/process/config.ts'
import { hourMs, minuteMs } from '#runtime/text/time.ts'

/** Names of before, which OPS_CRITICAL_KINDS may still use. */
const formerKinds: Readonly<Record<string, string>> = { untold: 'notification-failed' }

/** What planning messages reads. */
export const planSettings = {
  OPS_WINDOW_MS: count(60_000, 0).describe(
    'Operational events that arrive within this time go to the administrators in one message.',
  ),
  OPS_CRITICAL_KINDS: z
    .string()
    .default('dead-letters,destination-parked')
    .transform((kinds) => kinds.split(',').map((kind) => formerKinds[kind.trim()] ?? kind.trim()))
    .describe('Kinds of operational events, comma separated, that reach administrators even in quiet hours.'),
  ALERT_IMPORTANCE: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0.3)
    .describe(
      'People get alerts about news items from this importance on; others stand in their digests. Warnings, what rules of people find, and what a subscription with a severity or kinds asks for are always alerts.',
    ),
  ALERTS_PER_DAY: count(5, 0).describe(
    'Alerts that a person gets on a day, besides critical ones; further news items stand in the digest. 0: no limit.',
  ),
  ALERT_QUIET_HOURS: z
    .string()
    .regex(/^(off|([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)$/, 'neither off nor hours such as 20:00-08:00')
    .default('20:00-08:00')
    .transform(readHours)
    .describe('Quiet hours of people who have set none, by DIGEST_ZONE or their own time zone; off: none.'),
  BUNDLE_WINDOW_MS: count(10 * minuteMs, 0).describe(
    'After a message about a company, further news items of the company wait for this long and go out together. Critical ones never wait.',
  ),
  COOL_DOWN_MS: count(hourMs, 0).describe(
    'A destination does not get the same dedupe key (company, measurement, item, direction of a number or new value, and day) again within this time, unless the news item is more severe or critical.',
  ),
}
export type PlanSettings = z.output<z.ZodObject<typeof planSettings>>

/** Minutes since midnight; null: none. */
export function readHours(text: string): { begins: number; ends: number } | null {
  if (text === 'off') return null
  const [begins = 0, ends = 0] = text.split('-').map((time) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3)))
  return { begins, ends }
}
