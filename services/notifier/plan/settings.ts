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
  BUNDLE_WINDOW_MS: count(10 * minuteMs, 0).describe(
    'After a message about a company, further news items of the company wait for this long and go out together. Critical ones never wait.',
  ),
  COOL_DOWN_MS: count(hourMs, 0).describe(
    'A destination does not get the same dedupe key (company, measurement, item, direction of a number or new value, and day) again within this time, unless the news item is more severe or critical.',
  ),
}
export type PlanSettings = z.output<z.ZodObject<typeof planSettings>>
