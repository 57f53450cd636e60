import { mailsTo } from './mailbox.ts'
import type { System } from './system.ts'

/** For tests that kill the notifier: what it left behind is taken up after seconds, not a minute; Slack is not slowed down. */
export const quickRecovery = { SEND_TIMEOUT_MS: '2000', LEASE_MS: '3000', SLACK_INTERVAL_MS: '0' }

/** `distinct`: different mails that arrived; `unknown`: mails of which the notifier cannot know whether they went out. */
export async function countMails({ database, address }: System): Promise<{ distinct: number; unknown: number }> {
  const ids = (await mailsTo(address)).map(({ headers }) => headers['message-id'])
  const [row] = await database.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM notifier.delivery JOIN notifier.destination USING (destination_id)
     WHERE channel = 'EMAIL' AND state = 'unknown'`,
  )
  return { distinct: new Set(ids).size, unknown: row?.n ?? 0 }
}
