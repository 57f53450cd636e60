import { expect, test } from 'vitest'
import { createInstallation } from '../harness/installation.ts'
import { unique } from '../harness/mailbox.ts'
import { addCompany, addPerson, addSource, deliveriesOf, groupOf, sendNews } from '../harness/notifier/setup.ts'
import { startSlackServer } from '../harness/slack-server.ts'
import { waitFor } from '../harness/wait-for.ts'

test('a notifier at rest asks Postgres little', async () => {
  const { database, start } = await createInstallation()
  await start('notifier')
  const counted = async () => {
    const [row] = await database.query<{ all: number }>(
      'SELECT xact_commit::int AS all FROM pg_stat_database WHERE datname = current_database()',
    )
    return row?.all ?? 0
  }
  const more = async (count: number) => {
    const goal = (await counted()) + count
    await waitFor(`${count} transactions more`, async () => (await counted()) >= goal, 60_000, 1000)
  }
  // Of its start.
  await more(20)
  const from = performance.now()
  await more(100)
  // One of them in a second is ours.
  expect(performance.now() - from).toBeGreaterThan(10_000)
})

test('what becomes due by time alone is done long before the loops look by themselves', async () => {
  const installation = await createInstallation()
  const { database, start } = installation
  const slack = await startSlackServer({
    intervalMs: 0,
    decide: (method, _, nth) =>
      method === 'chat.postMessage' && nth === 0 ? { status: 429, headers: { 'retry-after': '3600' } } : 'pass',
  })
  const room = unique('room')
  slack.openRoom(room)
  const [source, company] = [await addSource(database), await addCompany(database)]
  await addPerson(database, { companies: [company], channels: [{ type: 'SLACK', destination: room }] })
  // Unwoken, the loops of plans and deliveries look after 30 s at the earliest.
  await start('notifier', { POLL_MS: '3000', SLACK_API_URL: slack.url, SLACK_INTERVAL_MS: '0' })

  await sendNews(installation, groupOf(company, source, 1))
  await waitFor('the delivery that is put off', async () => {
    const [delivery] = await deliveriesOf(database, company)
    return delivery?.state === 'pending' && delivery.reason
  })
  await sendNews(installation, groupOf(company, source, 1))
  const held = 'SELECT FROM notifier.bundle WHERE company_id = $1 AND due_at > now()'
  await waitFor('the news that is held', async () => (await database.query(held, [company])).length === 1)
  expect(slack.postsIn(room)).toHaveLength(0)

  await database.query(
    `WITH freed AS (UPDATE notifier.destination SET free_at = now())
     UPDATE notifier.delivery SET due_at = now() WHERE state = 'pending'`,
  )
  await waitFor('the delivery', () => slack.postsIn(room).length === 1, 15_000)

  await database.query('UPDATE notifier.bundle SET due_at = now() WHERE company_id = $1', [company])
  await waitFor('the news', () => slack.postsIn(room).length === 2, 15_000)
})
