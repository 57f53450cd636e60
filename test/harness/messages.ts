import { eventsIn } from './counts.ts'
import { mailsTo } from './mailbox.ts'
import type { System } from './system.ts'

/**
 * For tests that kill the notifier: what it left is resumed after seconds, not a minute, and Slack is not slowed down.
 */
export const quickRecovery = { SEND_TIMEOUT_MS: '2000', LEASE_MS: '3000', SLACK_INTERVAL_MS: '0' }

/**
 * `distinct`: events with a mail that arrived. `unknown`: events with a mail of which the notifier cannot know whether
 * it was sent.
 */
export async function countMails({ database, address }: System): Promise<{ distinct: number; unknown: number }> {
  const told = (await mailsTo(address)).flatMap(({ text }) => eventsIn(text))
  const [row] = await database.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM notifier.delivery_status WHERE channel = 'EMAIL' AND state = 'unknown'`,
  )
  return { distinct: new Set(told).size, unknown: row?.n ?? 0 }
}
