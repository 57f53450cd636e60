import { eventsIn } from './counts.ts'
import { mailsTo } from './mailbox.ts'
import type { System } from './system.ts'

/** For tests that kill the notifier: what it left behind is taken up after seconds, not a minute; Slack is not slowed down. */
export const quickRecovery = { SEND_TIMEOUT_MS: '2000', LEASE_MS: '3000', SLACK_INTERVAL_MS: '0' }

/** `distinct`: different events of which mails arrived; `unknown`: events of whose mails the notifier cannot know whether they went out. */
export async function countMails({ database, address }: System): Promise<{ distinct: number; unknown: number }> {
  const told = (await mailsTo(address)).flatMap(({ text }) => eventsIn(text))
  const [row] = await database.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM notifier.delivery_status WHERE channel = 'EMAIL' AND state = 'unknown'`,
  )
  return { distinct: new Set(told).size, unknown: row?.n ?? 0 }
}
