import { expect, test } from 'vitest'
import { createLog } from '#runtime/process/log.ts'
import { openPool } from '#runtime/postgres/database.ts'
import { endCall } from '../../services/scheduler/call-log.ts'
import { type Claim, claimDue } from '../../services/scheduler/claims.ts'
import { readConfig } from '../../services/scheduler/config.ts'
import { takeFinishes } from '../../services/scheduler/inbox/crawl-finished.ts'
import { judgeRuns } from '../../services/scheduler/judged-runs.ts'
import { readSources } from '../../services/scheduler/sources.ts'
import { endAttempts, finalizeRuns } from '../../services/scheduler/open-runs.ts'
import { createSourceWatch } from '../../services/scheduler/source-watch.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { testEnv } from '../harness/stack.ts'
import { addSource, createDatabaseInTime, finishOf, readTasks } from '../harness/scheduler/setup.ts'
import { readOutbox } from '../harness/outbox.ts'

const minute = 60_000
const start = Date.parse('2026-03-10T12:00Z')

/** An hourly source whose scheduler works by our clock. */
async function openWorld(max_run_seconds: number) {
  const { tables, set } = await createDatabaseInTime(start)
  const invocation_endpoint = 'http://module.example'
  const source = await addSource(tables, { frequency: 'HOURLY', max_run_seconds, invocation_endpoint })
  await tables.query(`UPDATE data_source SET created_at = '2026-01-01', modified_at = '2026-01-01'`)
  const config = readConfig({ ...testEnv(), DATABASE_URL: tables.url })
  const database = await openPool(config)
  onCleanup(() => database.end())
  const takeFinish = takeFinishes(config, { log: createLog('test', 'silent') }, database, () => undefined)

  return {
    source,
    tables,
    database,
    set,
    watch: createSourceWatch(config, database),
    /** One round at this time: what it claims. */
    async round(at: number): Promise<Claim[]> {
      await set(at)
      await endAttempts(config, database)
      await finalizeRuns(config, database)
      while ((await judgeRuns(config, database)) > 0);
      return (await claimDue(config, database, await readSources(config, database), 10)).claims
    },
    async finish({ task_id, data_source_id }: Claim, received_at: number): Promise<void> {
      const value = finishOf(data_source_id, task_id, { received_at })
      await takeFinish([{ topic: 't', partition: 0, offset: '0', key: 'k', timestamp: 0, value, headers: {} }])
    },
    readTasks: () => readTasks(tables, source),
  }
}

const slot = (text: string) => `2026-03-${text}:00`

test('a module that is down for a day is tried ever more seldom, each slot is run or missed, and one run makes all well', async () => {
  const world = await openWorld(300)
  const backAt = start + 24 * 60 * minute
  let attempts = 0
  for (let at = start; at < backAt + 180 * minute; at += 5 * minute)
    for (const claim of await world.round(at)) {
      if (at >= backAt) await world.finish(claim, at)
      else {
        attempts++
        await endCall(world.database, claim, { error: 'ECONNREFUSED', reached: false })
      }
    }

  // At once 3 a task; from the fifth failure on it rests for 5 minutes, 10, … and then for an hour.
  expect(attempts).toBeGreaterThanOrEqual(24)
  expect(attempts).toBeLessThanOrEqual(36)
  const tasks = await world.readTasks()
  const over = tasks.filter(({ status }) => status !== 'PENDING')
  for (const task of over.filter(({ status }) => status === 'FAILED'))
    expect(task).toMatchObject({
      attempts: 3,
      outcome: 'failed',
      reason: 'ECONNREFUSED',
      ended_at: expect.any(String) as string,
    })
  const ran = over.filter(({ status }) => status === 'SUCCESS')
  expect(ran.length).toBeGreaterThanOrEqual(2)
  for (const task of ran) expect(task).toMatchObject({ outcome: 'ok', finish_late: false })
  expect(tasks.slice(-1)).toMatchObject([{ status: 'PENDING', attempts: 0, scheduled_at: `${slot('11 15:00')}` }])

  const missed = await world.tables.query<{ slots: number; reason: string }>(
    'SELECT slots, reason FROM scheduler.missed',
  )
  const lost = missed.reduce((sum, { slots }) => sum + slots, 0)
  expect(new Set(missed.map(({ reason }) => reason))).toEqual(new Set(['superseded']))
  // From 12:00 to 14:00 the day after.
  expect(over.length + lost).toBe(27)
  expect(await world.tables.query('SELECT FROM scheduler.module')).toEqual([])
  expect(await world.tables.query('SELECT health_status FROM data_source')).toEqual([{ health_status: 'UP' }])
  const told = await readOutbox(world.tables, 'scheduler')
  expect(told.map(({ kind, resolved }) => [kind, resolved])).toEqual([
    ['source-down', false],
    ['source-down', true],
  ])
})

test('a clock that jumps ten minutes starts no slot twice and loses none', async () => {
  const world = await openWorld(300)
  const started: string[] = []
  const round = async (at: number) => {
    const claims = await world.round(at)
    for (const claim of claims) {
      started.push(`${new Date(at).toISOString().slice(11, 16)} attempt ${claim.attempt}`)
      await world.finish(claim, at)
    }
  }
  // Back at 12:00, 13:00 and 14:00, ahead at 14:30 and 15:00; the slots are those of the first run.
  const minutes = [0, -10, 0, 50, 60, 50, 60, 110, 120, 111, 119, 120, 121, 150, 160, 170, 180, 190, 185]
  for (const at of minutes) await round(start + at * minute)
  expect(started).toEqual(['12:00 attempt 1', '13:00 attempt 1', '14:00 attempt 1', '15:00 attempt 1'])
  await world.round(start + 200 * minute)
  const tasks = await world.readTasks()
  expect(tasks.map(({ scheduled_at, status, attempts }) => [scheduled_at, status, attempts])).toEqual([
    [slot('10 12:00'), 'SUCCESS', 1],
    [slot('10 13:00'), 'SUCCESS', 1],
    [slot('10 14:00'), 'SUCCESS', 1],
    [slot('10 15:00'), 'SUCCESS', 1],
    [slot('10 16:00'), 'PENDING', 0],
  ])
  expect(await world.tables.query('SELECT FROM scheduler.missed')).toEqual([])
})

test('a run under way when the clock jumps ahead is tried again, and its word still counts', async () => {
  const world = await openWorld(300)
  const [first] = (await world.round(start)) as [Claim]
  expect(await world.round(start + 11 * minute)).toEqual([])
  expect(await world.readTasks()).toMatchObject([
    { status: 'PENDING', attempts: 1, reason: 'not finished within 300 s' },
    {},
  ])
  await world.finish(first, start + 11 * minute)
  await world.round(start + 13 * minute)
  expect(await world.readTasks()).toMatchObject([
    { status: 'SUCCESS', attempts: 1, finish_late: true, outcome: 'ok', reason: null },
    { status: 'PENDING', attempts: 0, scheduled_at: slot('10 13:00') },
  ])
})

test('a run under way when the clock jumps back has its time all the same, and is over in the end', async () => {
  const world = await openWorld(300)
  await world.round(start)
  await world.round(start - 10 * minute)
  expect(await world.readTasks()).toMatchObject([{ status: 'PROCESSING', attempts: 1 }, {}])
  await world.round(start + 5 * minute)
  expect(await world.readTasks()).toMatchObject([{ status: 'PENDING', attempts: 1 }, {}])
})

test('a source at which there is nothing to do is left alone until its slot has come, and for no longer', async () => {
  const world = await openWorld(300)
  const [first] = (await world.round(start)) as [Claim]
  await world.finish(first, start)
  await world.round(start + minute)
  const seen = async (at: number) => {
    await world.set(start + at)
    const { sources, nextInMs } = await world.watch()
    return [sources.map(({ id }) => id), nextInMs]
  }
  expect(await seen(10 * minute)).toEqual([[world.source], 50 * minute])
  expect(await seen(20 * minute)).toEqual([[], 40 * minute])
  expect(await seen(60 * minute - 1)).toEqual([[], 1])
  expect(await seen(60 * minute)).toMatchObject([[world.source], null])
})
