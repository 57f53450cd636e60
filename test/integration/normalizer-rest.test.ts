import { randomUUID } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import { topics } from '../../schemas/topics.ts'
import { commands } from '../../services/normalizer/commands.ts'
import { type InstalledNormalizer, installNormalizer } from '../harness/normalizer/setup.ts'
import { runCommand } from '../harness/run-command.ts'
import { waitFor } from '../harness/wait-for.ts'

let bench: InstalledNormalizer
beforeAll(async () => {
  bench = await installNormalizer()
})

// After each piece of work a loop looks by itself after 30 s. So the second piece in a row is done sooner when it is woken.
const sooner = 10_000

test('an event that another process wrote is published long before the outbox looks by itself', async () => {
  for (const deadlineMs of [60_000, sooner]) {
    const [event_id, subject] = [randomUUID(), randomUUID()]
    await bench.installation.database.query('INSERT INTO normalizer.outbox (event_id, event) VALUES ($1, $2)', [
      event_id,
      {
        ...{ event_id, kind: 'drift', service: 'normalizer', data_source_id: 1, subject, message: 'm' },
        ...{ resolved: false, dedupe_key: subject, at: 1, facts: {} },
      },
    ])
    const isPublished = 'SELECT FROM normalizer.outbox WHERE event_id = $1 AND published_at IS NOT NULL'
    await waitFor(
      'the event',
      async () => (await bench.installation.database.query(isPublished, [event_id])).length === 1,
      deadlineMs,
    )
  }
  expect(await bench.installation.topics.read(topics.opsEvents.name)).toHaveLength(2)
})

test('a replay whose process is gone goes on long before the loop looks by itself', async () => {
  const { database } = bench.installation
  const source = await bench.addSource([])
  const [row] = await database.query<{ no: string }>(
    `INSERT INTO normalizer.replay (data_source_id, source_name, mode, map, reason, actor, total, until_no)
     VALUES ($1, $2, 'compare', 'then', '', 'a', 0, 0) RETURNING replay_no AS no`,
    [source.id, source.name],
  )
  const no = row!.no
  const isDone = async () =>
    (await database.query(`SELECT FROM normalizer.replay WHERE replay_no = $1 AND state = 'done'`, [no])).length === 1
  const leave = (state: string, lease: string) =>
    database.query(
      `UPDATE normalizer.replay SET state = $2, runner = 'gone', leased_until = now() + $3::interval WHERE replay_no = $1`,
      [no, state, lease],
    )
  await waitFor('the replay', isDone)
  await leave('running', '-1 s')
  await waitFor('the replay that was left', isDone, sooner)

  // By another process, whose lease would last.
  await leave('paused', '1 h')
  await runCommand(commands.replays, 'resume', no)
  await waitFor('the replay that was resumed', isDone, sooner)
})
