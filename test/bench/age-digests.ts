import { waitFor } from '../harness/wait-for.ts'
import { type Both, compare, inTurn } from './age-compare.ts'
import type { Aged } from './aged.ts'
import type { Result } from './measure.ts'
import { runService } from './run-service.ts'
import { startSinks } from './start-sinks.ts'

/** Each reader gets one digest. */
const rounds = 2
const deadlineMs = 300_000

/** Digests of a week for half of the readers, from when they are due to when their mails are sent. */
export async function measureDigests(both: Both<Aged>): Promise<Result[]> {
  await using scope = new AsyncDisposableStack()
  const { smtpPort } = await startSinks(scope)
  let round = 0
  const seconds = await inTurn(both, rounds, async ({ env, pool, readers }) => {
    // Twice in a row each, because both are measured in each round.
    const chosen = readers.filter((_, index) => index % rounds === Math.floor(round / 2))
    round += 1
    const settings = { SMTP_URL: `smtp://127.0.0.1:${smtpPort}`, DIGEST_POLL_MS: '100' }
    await using _service = await runService('notifier', { ...env, ...settings })
    const { rows } = await pool.query<{ at: Date }>(
      `WITH due AS (
         UPDATE notifier.digest_policy SET rhythm = 'daily', hour = extract(hour FROM now() AT TIME ZONE 'UTC'),
           changed_at = now() - interval '1 day'
         WHERE user_id = ANY($1))
       SELECT now() AS at`,
      [chosen],
    )
    const query = `SELECT count(*)::int AS sent, extract(epoch FROM max(settled_at) - $1)::float8 AS seconds
      FROM notifier.delivery JOIN notifier.notification USING (notification_id)
      WHERE kind = 'digest' AND state = 'sent' AND settled_at > $1`
    const look = async () =>
      (await pool.query<{ sent: number; seconds: number }>(query, [rows[0]!.at])).rows.find(
        ({ sent }) => sent === chosen.length,
      )
    return (await waitFor('the digests', look, deadlineMs)).seconds
  })
  return [compare('digests of a week, sent', seconds, { unit: 's' })]
}
