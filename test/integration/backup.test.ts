import { expect, test } from 'vitest'
import { deleteRecords } from '../harness/group.ts'
import { createInstallation } from '../harness/installation.ts'
import { waitFor } from '../harness/wait-for.ts'

const { database, topics, parma, start } = await createInstallation()
type Verified = { since: string; kafka_holds_all: boolean; looks: Look[]; steps: string[] }
type Look = { look: string; found: string; does: string; ok: string }
const verify = async (...more: string[]) => JSON.parse(await parma('backup', 'verify', ...more, '--json')) as Verified
const lookOf = ({ looks }: Verified, look: string) => looks.find((one) => one.look === look)

test('verify says which time Postgres has, where a service was behind, and what runs', async () => {
  expect(lookOf(await verify(), 'time')?.found).toBe('nothing was ever processed')
  await database.query(`
    INSERT INTO normalizer.processed_event (event_id, data_source_id, source_name, company_id, content_hash, document,
      received_at, observed_at, processed_at, stored, history)
    SELECT gen_random_uuid(), 1, 'npm', '1', '', '', at, at, at, 1, false
    FROM unnest(ARRAY['2026-11-29T08:00Z', '2026-11-29T12:00Z']::timestamptz[]) AS at`)
  const behind = await verify()
  expect([behind.since, lookOf(behind, 'time')?.does]).toEqual([
    '2026-11-29T07:00:00.000Z',
    'a service was behind: all since 2026-11-29T08:00:00.000Z is read again',
  ])
  await database.query(`
    INSERT INTO analyzer.processed_event (event_id, content_hash, processed_at)
    SELECT event_id, '', '2026-11-29T12:05Z' FROM normalizer.processed_event`)
  expect((await verify()).since).toBe('2026-11-29T11:05:00.000Z')
  const asked = await verify('--at', '2026-11-29T13:00:00Z')
  expect(asked.since).toBe('2026-11-29T12:00:00.000Z')
  expect(asked.steps).toContain('npx parma deliveries recall --since 2026-11-29T12:00:00.000Z')

  const notifier = await start('notifier')
  const running = await waitFor('the group', async () => {
    const look = lookOf(await verify(), 'services')
    return look?.ok === 'no' && look
  })
  expect(running).toMatchObject({ found: 'notifier run', does: 'stop them' })
  await notifier.stop()
})

test('verify says that raw documents are to be read where Kafka lacks records', async () => {
  expect((await verify()).kafka_holds_all).toBe(true)
  const name = 'mining.raw-payloads.v1'
  await topics.produce(name, [
    { key: '1', value: 'one', partition: 0 },
    { key: '1', value: 'two', partition: 0 },
  ])
  await deleteRecords(topics.prefix + name, 0, 1)
  const verified = await verify()
  expect(lookOf(verified, name)?.found).toBe('may lack records of partition 0')
  expect(verified.steps).toContain('npx parma redrive --missing')
})

test('advance gives no task an id that one had since', async () => {
  const dry = JSON.parse(await parma('backup', 'advance', '--dry-run', '--json')) as object
  expect(JSON.parse(await parma('backup', 'advance', '--json'))).toEqual(dry)
  const [source] = await database.query<{ id: number }>(
    `INSERT INTO data_source (source_name, is_active, frequency, health_status, modified_at)
     VALUES ('npm', true, 'DAILY', 'UP', now()) RETURNING id`,
  )
  const [task] = await database.query(
    `INSERT INTO scheduled_task (data_source_id, schedule_type) VALUES ($1, 'REGULAR') RETURNING task_id AS next`,
    [source?.id],
  )
  expect(task).toEqual(dry)
  expect(await parma('audit', 'ls', '--kind', 'cli.backup.advance', '--json')).toContain('100000')
})

test('verify fails where a table is missing', async () => {
  await database.query('DROP TABLE notifier.attempt CASCADE')
  await expect(parma('backup', 'verify')).rejects.toThrow(/not there: notifier.attempt[^]*no whole backup/)
})
