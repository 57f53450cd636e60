import type { z } from 'zod'
import { count, flag } from '#runtime/process/config.ts'
import { minuteMs } from '#runtime/text/time.ts'

/** What delivering messages reads. */
export const deliverySettings = {
  POLL_MS: count(500, 50).describe('How often the notifier looks for due groups and deliveries when nothing wakes it.'),
  LEASE_MS: count(minuteMs).describe(
    'A delivery that has been `sending` for longer was left behind by a crash. Must be above SEND_TIMEOUT_MS.',
  ),
  RETRY_FIRST_MS: count(1000).describe('Wait before the second attempt. It doubles with each further attempt.'),
  RETRY_MAX_MS: count(15 * minuteMs).describe('Longest wait between two attempts.'),
  GIVE_UP_AFTER_MS: count(24 * 60 * minuteMs).describe(
    'A message that is not delivered after this time has failed. Webhooks: WEBHOOK_GIVE_UP_AFTER_MS.',
  ),
  TROUBLE_AFTER_MS: count(minuteMs, 0).describe(
    'Administrators are notified of a channel outage that lasts this long. An outage is a failure on our side, such as a refused key or a missing secret.',
  ),
  WRITE_PUBLIC_NOTIFICATIONS: flag(false).describe(
    'Record sent alerts in public.notification. parma-web shows none of them, and cannot delete a company with such a row.',
  ),
}

export type DeliverySettings = z.output<z.ZodObject<typeof deliverySettings>>

/** What `watchDue` wakes also looks by itself, every so many times POLL_MS. */
export const unwokenTurns = 60

/** What no other loop asks for, such as deliveries that a crash left, is looked for every so many times POLL_MS. */
export const tidyTurns = 10

/** What does not fit together. */
export function checkDelivery({
  LEASE_MS,
  SEND_TIMEOUT_MS,
}: Partial<DeliverySettings & { SEND_TIMEOUT_MS: number }>): string[] {
  const isShort = LEASE_MS !== undefined && SEND_TIMEOUT_MS !== undefined && LEASE_MS <= SEND_TIMEOUT_MS
  return isShort ? ['LEASE_MS must be above SEND_TIMEOUT_MS.'] : []
}
