import { beforeAll, expect, test } from 'vitest'
import { runParma } from '../../deploy/local/parma.ts'
import { createDatabase, type TestDatabase } from '../harness/database.ts'
import { testEnv } from '../harness/stack.ts'
import { addCompany, addSource } from '../harness/scheduler/setup.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase()
})

type Row = Record<string, unknown>
const schedule = (...args: string[]) => runParma({ ...testEnv(), DATABASE_URL: database.url }, 'schedule', ...args)
const json = async <T = Row[]>(...args: string[]): Promise<T> => JSON.parse(await schedule(...args, '--json')) as T

test('a plan is changed, previewed, paused and taken up again, and who did it is kept', async () => {
  const id = await addSource(database, { source_name: 'github', frequency: 'WEEKLY' })
  await addCompany(database, 'Langfuse')
  await database.query(
    `INSERT INTO scheduler.run (task_id, data_source_id, schedule_type, slot, claim_token, attempt, started_at, outcome)
     VALUES (4711, $1, 'REGULAR', now() - interval '1 day', 1, 1, now() - interval '1 day', 'ok')`,
    [id],
  )
  expect(await json('ls')).toMatchObject([
    { id, name: 'github', plan: 'weekly', state: 'on', health: 'UP', outcome: 'ok' },
  ])

  await schedule('set', 'github', '--cron', '30 8 * * *', '--zone', 'Europe/Berlin', '--by', 'ada')
  expect(await json('ls')).toMatchObject([{ plan: '30 8 * * * Europe/Berlin' }])
  const days = await json('preview', 'github', '--days', '30')
  expect([30, 31]).toContain(days.length)
  // The first one may be what was missed until now.
  for (const { local } of days.slice(1)) expect(local).toMatch(/ 08:30:00 Europe\/Berlin$/)
  await expect(schedule('set', 'github', '--cron', '0 8 32 * *')).rejects.toThrow(
    '--cron is "0 8 32 * *": day of month 32 is not 1–31.',
  )
  await expect(schedule('pause', 'github', '--until', '2027-13-01')).rejects.toThrow('month 13 is not 1–12')
  const [{ cron: before } = { cron: '' }] = await database.query<{ cron: string }>(
    'SELECT cron FROM scheduler.source_policy',
  )
  await database.query(`UPDATE scheduler.source_policy SET cron = '0 8 32 * *'`)
  expect((await json('ls'))[0]?.plan).toBe(
    'weekly (the pattern "0 8 32 * *" has no effect: day of month 32 is not 1–31)',
  )
  await database.query('UPDATE scheduler.source_policy SET cron = $1', [before])
  await expect(schedule('set', 'github')).rejects.toThrow('Nothing to change')

  await schedule('pause', 'github', '--until', '2d', '--reason', 'moves house', '--by', 'grace')
  expect((await json('ls'))[0]?.state).toMatch(/^paused until 20/)
  expect((await json('preview', 'github', '--days', '30')).length).toBeLessThan(29)
  await expect(schedule('run', 'github')).rejects.toThrow('Not started: github is paused.')
  await schedule('resume', 'github', '--by', 'grace')

  const { task_id } = await json<{ task_id: number }>('run', 'github', '--company', 'Langfuse', '--by', 'ada')
  await expect(schedule('run', 'github')).rejects.toThrow(`is already waiting (task ${task_id})`)
  const [task] = await database.query('SELECT schedule_type, status FROM scheduled_task WHERE task_id = $1', [task_id])
  expect(task).toEqual({ schedule_type: 'ON_DEMAND', status: 'PENDING' })

  const changes = await json('history', 'github')
  expect(changes.map(({ by, what }) => [by, what])).toEqual([
    ['ada', `run ${task_id} of company 1`],
    ['grace', 'resume'],
    ['grace', 'pause'],
    ['ada', 'set'],
  ])
  expect(changes[3]).toMatchObject({
    before: { cron: null, zone: 'UTC' },
    after: { cron: '30 8 * * *', zone: 'Europe/Berlin' },
  })
  expect(await schedule('history', 'github')).toContain('cron: - → 30 8 * * *')
  expect(await schedule('--help')).toContain('preview')
})
