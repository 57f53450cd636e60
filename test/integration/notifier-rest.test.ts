import { expect, test } from 'vitest'
import { createInstallation } from '../harness/installation.ts'
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
