import { randomUUID } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { createLog } from '#runtime/log.ts'
import type { Delivery } from '#runtime/outcome.ts'
import { type Database, openPool } from '#runtime/postgres.ts'
import type { CrawlFinished, RawPayload } from '#schemas/generated/types.ts'
import { beginCall, endCall } from '../../services/scheduler/calls.ts'
import { type Claim, claimDue } from '../../services/scheduler/claim.ts'
import { type Config, readConfig } from '../../services/scheduler/config.ts'
import { discoverMissing } from '../../services/scheduler/discovery.ts'
import { countFeeds } from '../../services/scheduler/feeds.ts'
import { takeFinishes } from '../../services/scheduler/finishes.ts'
import { readCompanies, storeDiscovery } from '../../services/scheduler/identifiers.ts'
import type { Module } from '../../services/scheduler/module.ts'
import type { Discovery } from '../../services/scheduler/read-discovery.ts'
import { readSources } from '../../services/scheduler/sources.ts'
import { nextStartInMs } from '../../services/scheduler/due.ts'
import { judgeRuns } from '../../services/scheduler/judged-runs.ts'
import { requestRun } from '../../services/scheduler/requests.ts'
import { judgeSources } from '../../services/scheduler/silence.ts'
import { readUntold } from '../../services/scheduler/stories.ts'
import { adoptTasks, closeOrphans, endAttempts, settleRuns } from '../../services/scheduler/sweep.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { createDatabase, type TestDatabase } from '../harness/database.ts'
import { testEnv } from '../harness/stack.ts'
import { addCompany, addSource, addTask, readTasks } from './scheduler-setup.ts'

let tables: TestDatabase
let database: Database
let config: Config
beforeEach(async () => {
  tables = await createDatabase()
  config = readConfig({
    ...testEnv(),
    DATABASE_URL: tables.url,
    DATABASE_POOL_SIZE: '8',
    FIRST_RUN_UNMAPPED_SECONDS: '60',
  })
  database = await openPool(config)
  onCleanup(() => database.end())
})

const look = () => readSources(database, config)
const claim = async (limit = 1000) => claimDue(database, config, await look(), limit)
const idsOf = (claims: readonly Claim[]) => claims.map(({ task_id }) => task_id)
const only = async (sourceId: number) => (await readTasks(tables, sourceId))[0]

/** Moves a task and its run into the past, as if `seconds` had gone by since. */
async function age(taskId: number, seconds: number): Promise<void> {
  await tables.query(
    `UPDATE scheduled_task SET started_at = started_at - $2 * interval '1 second' WHERE task_id = $1`,
    [taskId, seconds],
  )
  await tables.query(
    `UPDATE scheduler.run SET call_ended_at = call_ended_at - $2 * interval '1 second', retry_at = retry_at - $2 * interval '1 second',
       last_fed_at = last_fed_at - $2 * interval '1 second', finished_at = finished_at - $2 * interval '1 second' WHERE task_id = $1`,
    [taskId, seconds],
  )
}

function delivery<T>(value: T, headers: Record<string, string> = {}): Delivery<T> {
  return { topic: 't', partition: 0, offset: '0', key: 'k', timestamp: 0, value, headers }
}

function finishOf(sourceId: number, taskId: number, more: Partial<CrawlFinished> = {}): CrawlFinished {
  const record = {
    event_id: randomUUID(),
    data_source_id: sourceId,
    task_id: taskId,
    result_summary: '{}',
    errors: {},
    received_at: Date.now(),
  }
  return { ...record, ...more }
}

const errors = { '1': { error_type: 'CrawlingError', error_description: null } }
const wrong = { errors, result_summary: JSON.stringify(errors) }

async function finish(...records: CrawlFinished[]) {
  const handle = takeFinishes(database, createLog('test', 'silent'), () => undefined)
  return handle(records.map((record) => delivery(record)))
}

async function feed(...headers: Record<string, string>[]) {
  return countFeeds(database)(headers.map((one) => delivery(undefined as unknown as RawPayload, one)))
}

/** One payload of a run about this company. */
async function feedOf(taskId: number, companyId: number): Promise<void> {
  const headers = { event_id: randomUUID(), task_id: String(taskId) }
  await countFeeds(database)([{ ...delivery(undefined as unknown as RawPayload, headers), key: String(companyId) }])
}

/** Gives a source a policy. */
async function setPolicy(sourceId: number, columns: Record<string, unknown>): Promise<void> {
  const names = Object.keys(columns)
  await tables.query(
    `INSERT INTO scheduler.source_policy (data_source_id, ${names.join(', ')})
     VALUES ($1, ${names.map((_, index) => `$${index + 2}`).join(', ')})`,
    [sourceId, ...Object.values(columns)],
  )
}

describe('claiming', () => {
  test('starts a new source at once and plans nothing twice, however many do it', async () => {
    const sources = await Promise.all(Array.from({ length: 40 }, () => addSource(tables)))
    // All at once, on connections that are open already, and all with the same idea of what there is to do.
    const [seen = []] = await Promise.all(Array.from({ length: 8 }, look))
    const rounds = await Promise.all(Array.from({ length: 8 }, () => claimDue(database, config, seen, 1000)))
    const claimed = rounds.flatMap(({ claims }) => claims.map((one) => one.data_source_id))
    expect(claimed.toSorted()).toEqual(sources.toSorted())
    const count = () => tables.query('SELECT status, count(*)::int FROM scheduled_task GROUP BY status ORDER BY status')
    // One that looked before the others and comes to its turn after them, frozen for example, finds nothing to do.
    expect((await claimDue(database, config, seen, 1000)).claims).toEqual([])
    const processing = { status: 'PROCESSING', count: 40 }
    await tables.query(
      `DELETE FROM scheduled_task WHERE status = 'PENDING' AND scheduled_at > now() + interval '1 hour'`,
    )
    expect(await count()).toEqual([processing])
    await claim()
    expect(await count()).toEqual([{ status: 'PENDING', count: 40 }, processing])
  })

  test('is PROCESSING, one attempt more, started now by the database, with a token', async () => {
    const source = await addSource(tables, { source_name: 'reddit', max_run_seconds: 77 })
    const { claims } = await claim()
    expect(claims).toEqual([
      {
        task_id: expect.any(Number) as number,
        data_source_id: source,
        source_name: 'reddit',
        endpoint: '',
        max_run_seconds: 77,
        attempt: 1,
        max_attempts: 3,
        only_companies: null,
        claim_token: 1,
      },
    ])
    const [late] = await tables.query(
      `SELECT extract(epoch FROM now() AT TIME ZONE 'UTC' - started_at) < 10 AS now FROM scheduled_task WHERE status = 'PROCESSING'`,
    )
    expect(late).toEqual({ now: true })
  })

  test('leaves a source alone that is only being registered', async () => {
    const source = await addSource(tables)
    await tables.query(
      `INSERT INTO source_measurement (source_module_id, type, measurement_name, modified_at) VALUES ($1, 'int', 'stars', now())`,
      [source],
    )
    expect((await claim()).claims).toEqual([])
    const nextInMs = nextStartInMs(await look())
    expect(nextInMs).toBeGreaterThan(8000)
    expect(nextInMs).toBeLessThanOrEqual(10_000)
    await tables.query(`UPDATE source_measurement SET created_at = created_at - interval '11 seconds'`)
    expect((await claim()).claims).toHaveLength(1)
  })

  test('leaves a source alone for longer whose handshake has not happened', async () => {
    const source = await addSource(tables)
    await tables.query(
      `UPDATE data_source SET created_at = now() - interval '50 seconds', modified_at = now() - interval '50 seconds'`,
    )
    expect((await claim()).claims).toEqual([])
    await tables.query(
      `UPDATE data_source SET created_at = now() - interval '61 seconds', modified_at = now() - interval '61 seconds'`,
    )
    expect((await claim()).claims).toMatchObject([{ data_source_id: source }])
  })

  test('runs a new source by hand at once, and its first run by plan not before its time', async () => {
    const source = await addSource(tables)
    await tables.query(`UPDATE data_source SET created_at = now(), modified_at = now()`)
    const task = await addTask(tables, source)
    expect(idsOf((await claim()).claims)).toEqual([task])
    await finish(finishOf(source, task))
    expect((await claim()).claims).toEqual([])
    expect(await readTasks(tables, source)).toHaveLength(1)
  })

  test('takes one task of a source at a time, in their order, on demand or not', async () => {
    const source = await addSource(tables)
    const first = await addTask(tables, source, { scheduled_at: new Date(Date.now() - 86_400_000) })
    const second = await addTask(tables, source)
    const rounds = await Promise.all([claim(), claim(), claim()])
    expect(idsOf(rounds.flatMap(({ claims }) => claims))).toEqual([first])
    await finish(finishOf(source, first))
    expect(idsOf((await claim()).claims)).toEqual([second])
  })

  test('gives a task on demand the limit of its source', async () => {
    const source = await addSource(tables, { max_run_seconds: 4000 })
    await addTask(tables, source)
    expect((await claim()).claims[0]?.max_run_seconds).toBe(4000)
    expect((await only(source))?.max_run_seconds).toBe(4000)
  })

  test('leaves inactive sources, their tasks on demand too, and takes back what was planned for them', async () => {
    const source = await addSource(tables, { is_active: false })
    const demanded = await addTask(tables, source)
    await addTask(tables, source, { schedule_type: 'REGULAR' })
    expect((await claim()).claims).toEqual([])
    expect(await readTasks(tables, source)).toMatchObject([{ task_id: demanded, status: 'PENDING' }])
  })

  test('starts what is due first when there is not room for all', async () => {
    const sources = [await addSource(tables), await addSource(tables), await addSource(tables)]
    const tasks = []
    for (const [index, source] of sources.entries())
      tasks.push(
        await addTask(tables, source, {
          schedule_type: 'REGULAR',
          scheduled_at: new Date(Date.now() - (index + 1) * 60_000),
        }),
      )
    expect(idsOf((await claim(2)).claims)).toEqual([tasks[2], tasks[1]])
    expect((await claim(0)).claims).toEqual([])
    expect(idsOf((await claim()).claims)).toEqual([tasks[0]])
  })

  test('says when the next task is due', async () => {
    const source = await addSource(tables)
    await addTask(tables, source, { schedule_type: 'REGULAR', scheduled_at: new Date(Date.now() + 5000) })
    expect((await claim()).claims).toEqual([])
    const nextInMs = nextStartInMs(await look())
    expect(nextInMs).toBeGreaterThan(1000)
    expect(nextInMs).toBeLessThanOrEqual(5000)
  })

  test('a source that another process works on is passed over', async () => {
    const source = await addSource(tables)
    const { promise: claimed, resolve: tell } = Promise.withResolvers<Claim[]>()
    const { promise: seen, resolve: commit } = Promise.withResolvers<void>()
    const other = database.transaction(async (tx) => {
      const sources = await readSources(tx, config)
      tell((await claimDue(tx as unknown as Database, config, sources, 1)).claims)
      await seen
    })
    expect(await claimed).toMatchObject([{ data_source_id: source }])
    expect(await claim()).toEqual({ claims: [], missed: true })
    commit()
    await other
    expect(await claim()).toEqual({ claims: [], missed: false })
  })

  test('tasks that parma-web deletes are planned anew, at the rhythm of now', async () => {
    const source = await addSource(tables, { frequency: 'MONTHLY' })
    await claim()
    await claim()
    await tables.query(`UPDATE data_source SET frequency = 'HOURLY'`)
    await tables.query(`DELETE FROM scheduled_task WHERE status = 'PENDING'`)
    await claim()
    const [ran, next] = await readTasks(tables, source)
    const ms = (task: typeof ran) => Date.parse(`${String(task?.scheduled_at)}Z`)
    expect(ms(next) - ms(ran)).toBe(3_600_000)
  })
})

describe('an attempt that is over', () => {
  test('is tried again after a back-off, until the last, by the clock of the database', async () => {
    const source = await addSource(tables, { max_run_seconds: 10 })
    const [first] = (await claim()).claims as [Claim]
    await age(first.task_id, 9)
    expect(await endAttempts(database, config)).toEqual([])
    for (const attempt of [1, 2]) {
      await age(first.task_id, 11)
      expect(await endAttempts(database, config)).toMatchObject([
        { attempt, status: 'PENDING', reason: 'not finished within 10 s' },
      ])
      expect((await claim()).claims).toEqual([])
      await age(first.task_id, 60 * attempt)
      expect((await claim()).claims).toMatchObject([
        { task_id: first.task_id, attempt: attempt + 1, claim_token: attempt + 1 },
      ])
    }
    await age(first.task_id, 11)
    expect(await endAttempts(database, config)).toMatchObject([{ attempt: 3, status: 'FAILED' }])
    expect(await only(source)).toMatchObject({
      status: 'FAILED',
      attempts: 3,
      ended_at: expect.any(String) as string,
      result_summary: null,
      outcome: 'failed',
      reason: 'not finished within 10 s',
    })
    expect((await claim()).claims).toEqual([])
  })

  test('is partial when something was fed', async () => {
    const source = await addSource(tables)
    const task = await addTask(tables, source)
    config = { ...config, MAX_ATTEMPTS: 1 }
    await claim()
    await feed({ event_id: randomUUID(), task_id: String(task) })
    await age(task, 301)
    await endAttempts(database, config)
    expect(await only(source)).toMatchObject({ status: 'FAILED', outcome: 'partial', fed: 1 })
  })

  test.each([true, false])('ends early when its call was lost (reached: %s) and nothing is fed', async (reached) => {
    const source = await addSource(tables)
    const [ours] = (await claim()).claims as [Claim]
    await endCall(database, ours, { error: '/companies answered 500', reached })
    if (reached) {
      expect(await endAttempts(database, config)).toEqual([])
      await age(ours.task_id, 50)
      await feed({ event_id: randomUUID(), task_id: String(ours.task_id) })
      await age(ours.task_id, 50)
      expect(await endAttempts(database, config)).toEqual([])
      await age(ours.task_id, 20)
    }
    expect(await endAttempts(database, config)).toMatchObject([
      { status: 'PENDING', reason: '/companies answered 500' },
    ])
    expect(await only(source)).toMatchObject({ status: 'PENDING', attempts: 1, ended_at: null })
  })

  test('has no next one when its source was switched off', async () => {
    const [one, two] = [await addSource(tables), await addSource(tables)]
    await claim()
    await tables.query(
      `UPDATE scheduled_task SET started_at = started_at - interval '1 hour' WHERE data_source_id = $1`,
      [one],
    )
    await endAttempts(database, config)
    await tables.query('UPDATE data_source SET is_active = false')
    await tables.query(
      `UPDATE scheduled_task SET started_at = started_at - interval '1 hour' WHERE data_source_id = $1`,
      [two],
    )
    await endAttempts(database, config)
    expect(await only(one)).toMatchObject({ status: 'FAILED', attempts: 1, reason: 'the source was switched off' })
    expect(await only(two)).toMatchObject({ status: 'FAILED', attempts: 1, reason: 'not finished within 300 s' })
  })

  test('may be one of the predecessor, of which we have no run', async () => {
    const source = await addSource(tables)
    const hour = new Date(Date.now() - 3_600_000)
    const never = await addTask(tables, source, {
      status: 'PROCESSING',
      attempts: 2,
      started_at: null,
      scheduled_at: hour,
    })
    const often = await addTask(tables, source, {
      status: 'PROCESSING',
      attempts: 3,
      started_at: hour,
      scheduled_at: hour,
    })
    await endAttempts(database, config)
    const [state] = await look()
    expect(state?.strange.toSorted()).toEqual([never, often].toSorted())
    await adoptTasks(database, state?.strange ?? [])
    await endAttempts(database, config)
    expect(await readTasks(tables, source)).toMatchObject([
      { status: 'PENDING', attempts: 2 },
      { status: 'FAILED', attempts: 3, outcome: 'failed' },
    ])
  })
})

describe('a claim that was lost', () => {
  test('calls no module and writes nothing', async () => {
    const source = await addSource(tables)
    const [stale] = (await claim()).claims as [Claim]
    expect(await beginCall(database, stale)).toBe(true)
    await age(stale.task_id, 301)
    await endAttempts(database, config)
    expect(await beginCall(database, stale)).toBe(false)
    await age(stale.task_id, 60)
    const [fresh] = (await claim()).claims as [Claim]
    expect(await beginCall(database, stale)).toBe(false)
    await endCall(database, stale, { error: 'thawed', reached: false })
    expect(await endAttempts(database, config)).toEqual([])
    expect(await only(source)).toMatchObject({ status: 'PROCESSING', call_error: null })
    expect(await beginCall(database, fresh)).toBe(true)
  })
})

describe('a finish record', () => {
  async function running(columns = {}) {
    const source = await addSource(tables, columns)
    const task = await addTask(tables, source, { scheduled_at: new Date(Date.now() - 60_000) })
    await claim()
    return { source, task }
  }

  test('makes its task SUCCESS, with what the module said', async () => {
    const { source, task } = await running()
    expect(await finish(finishOf(source, task, { result_summary: '', errors: null }))).toEqual([
      { kind: 'ok', outputs: [] },
    ])
    expect(await only(source)).toMatchObject({
      status: 'SUCCESS',
      result_summary: '',
      ended_at: expect.any(String) as string,
      outcome: null,
    })
    expect(await settleRuns(database, config)).toEqual([])
    await age(task, 10)
    expect(await settleRuns(database, config)).toEqual([
      { task_id: task, data_source_id: source, outcome: 'ok', fed: 0 },
    ])
    expect(await settleRuns(database, config)).toEqual([])
  })

  test('with errors and something fed is partial, and no failure', async () => {
    const { source, task } = await running()
    await feed({ event_id: randomUUID(), task_id: String(task) })
    await finish(finishOf(source, task, wrong))
    expect(await only(source)).toMatchObject({ status: 'SUCCESS', result_summary: wrong.result_summary })
    await age(task, 10)
    await settleRuns(database, config)
    expect(await only(source)).toMatchObject({ status: 'SUCCESS', outcome: 'partial', reason: null })
  })

  test('with errors waits for what was fed before it, and fails its task when that is nothing', async () => {
    const { source, task } = await running()
    await finish(finishOf(source, task, wrong))
    expect(await only(source)).toMatchObject({
      status: 'PROCESSING',
      ended_at: null,
      result_summary: wrong.result_summary,
    })
    await age(task, 3600)
    expect(await endAttempts(database, config)).toEqual([])
    await settleRuns(database, config)
    expect(await only(source)).toMatchObject({
      status: 'FAILED',
      outcome: 'failed',
      ended_at: expect.any(String) as string,
      reason: 'finished with errors, and nothing was fed',
    })
  })

  test.each(['before', 'after'])(
    'with errors fails no task whose payloads are counted late, %s the outcome was final',
    async (when) => {
      const { source, task } = await running()
      await finish(finishOf(source, task, wrong))
      await age(task, 10)
      if (when === 'after') await settleRuns(database, config)
      await feed({ event_id: randomUUID(), task_id: String(task) })
      await settleRuns(database, config)
      expect(await only(source)).toMatchObject({
        status: 'SUCCESS',
        outcome: 'partial',
        fed: 1,
        ended_at: expect.any(String) as string,
      })
    },
  )

  test('is taken once, whatever is delivered', async () => {
    const { source, task } = await running()
    const record = finishOf(source, task)
    expect(await finish(record, record)).toEqual([
      { kind: 'ok', outputs: [] },
      { kind: 'ok', outputs: [] },
    ])
    const before = await only(source)
    await finish(record)
    expect(await only(source)).toEqual(before)
    expect(await finish({ ...record, result_summary: 'other' })).toMatchObject([{ kind: 'dead', reason: 'conflict' }])
    expect(await only(source)).toEqual(before)
  })

  test('a second time, with other words, is the last word', async () => {
    const { source, task } = await running()
    await finish(finishOf(source, task))
    const before = await only(source)
    await finish(finishOf(source, task, { ...wrong, received_at: Date.now() + 3_600_000 }))
    expect(await only(source)).toMatchObject({
      status: 'SUCCESS',
      result_summary: wrong.result_summary,
      ended_at: before?.ended_at,
    })
  })

  test('of the same batch, for one task, are taken in their order', async () => {
    const { source, task } = await running()
    await finish(finishOf(source, task, { ...wrong }), finishOf(source, task))
    expect(await only(source)).toMatchObject({ status: 'SUCCESS', result_summary: '{}' })
  })

  test('that comes too late is accepted and marked', async () => {
    const { source, task } = await running({ max_run_seconds: 10 })
    config = { ...config, MAX_ATTEMPTS: 1 }
    await age(task, 11)
    await endAttempts(database, config)
    await finish(finishOf(source, task))
    expect(await only(source)).toMatchObject({ status: 'SUCCESS', finish_late: true, outcome: null, reason: null })
    await age(task, 10)
    await settleRuns(database, config)
    expect(await only(source)).toMatchObject({ status: 'SUCCESS', outcome: 'ok' })
  })

  test('that comes while the next attempt waits ends that, too', async () => {
    const { source, task } = await running({ max_run_seconds: 10 })
    await age(task, 11)
    await endAttempts(database, config)
    await finish(finishOf(source, task))
    await age(task, 3600)
    expect(await only(source)).toMatchObject({ status: 'SUCCESS', attempts: 1, finish_late: true })
    expect(idsOf((await claim()).claims)).not.toContain(task)
  })

  test('of a task that never started is refused, and accepted when it comes again after the start', async () => {
    const source = await addSource(tables)
    const task = await addTask(tables, source, { scheduled_at: new Date(Date.now() - 60_000) })
    const record = finishOf(source, task)
    expect(await finish(record)).toEqual([{ kind: 'drop', reason: 'task never started' }])
    expect(await only(source)).toMatchObject({ status: 'PENDING' })
    const status = () =>
      tables.query('SELECT stage, reason FROM scheduler.event_status WHERE event_id = $1', [record.event_id])
    expect(await status()).toEqual([{ stage: 'finished', reason: 'task never started' }])
    await claim()
    expect(await finish(record)).toMatchObject([{ kind: 'ok' }])
    expect(await only(source)).toMatchObject({ status: 'SUCCESS' })
    expect(await status()).toEqual([{ stage: 'finished', reason: null }])
  })

  test('of nobody, of another source: refused without a trace, neighbours taken', async () => {
    const { source, task } = await running()
    expect(await finish(finishOf(source, 2 ** 31 - 1), finishOf(source + 1, task), finishOf(source, task))).toEqual([
      { kind: 'drop', reason: 'unknown task' },
      { kind: 'drop', reason: 'task of another source' },
      { kind: 'ok', outputs: [] },
    ])
    const runs = await tables.query('SELECT task_id FROM scheduler.run')
    expect(runs).toEqual([{ task_id: task }])
  })
})

describe('what a run feeds', () => {
  test('is counted once per payload, from headers that can be read', async () => {
    const source = await addSource(tables)
    const [{ task_id }] = (await claim()).claims as [Claim]
    const payload = () => ({ event_id: randomUUID(), task_id: String(task_id) })
    const [a, b] = [payload(), payload()]
    const ok = { kind: 'ok', outputs: [] }
    expect(
      await feed(
        a,
        a,
        b,
        { event_id: randomUUID() },
        { ...b, task_id: '99999999999' },
        { event_id: 'x', task_id: '1' },
      ),
    ).toEqual([
      ok,
      ok,
      ok,
      { kind: 'drop', reason: 'not of a task' },
      { kind: 'drop', reason: 'headers not readable' },
      { kind: 'drop', reason: 'headers not readable' },
    ])
    await feed(b, { event_id: randomUUID(), task_id: '12345' })
    expect(await only(source)).toMatchObject({ fed: 2, outcome: null })
  })

  test('of many runs at once, from several partitions, neither deadlocks nor miscounts', async () => {
    await Promise.all(Array.from({ length: 20 }, () => addSource(tables)))
    const tasks = idsOf((await claim()).claims)
    const batch = () => tasks.map((task_id) => ({ event_id: randomUUID(), task_id: String(task_id) }))
    await Promise.all(Array.from({ length: 8 }, (_, index) => feed(...(index % 2 ? batch() : batch().reverse()))))
    expect(await tables.query('SELECT DISTINCT fed::int FROM scheduler.run')).toEqual([{ fed: 8 }])
  })
})

test('the run of a task that parma-web deletes is closed', async () => {
  const source = await addSource(tables)
  const [{ task_id }] = (await claim()).claims as [Claim]
  await tables.query('DELETE FROM data_source WHERE id = $1', [source])
  expect(await closeOrphans(database)).toEqual([task_id])
  expect(await finish(finishOf(source, task_id))).toEqual([{ kind: 'drop', reason: 'unknown task' }])
  const [run] = await tables.query('SELECT outcome, reason FROM scheduler.run')
  expect(run).toEqual({ outcome: 'failed', reason: 'the task was deleted' })
  expect(await closeOrphans(database)).toEqual([])
})

describe('a discovery', () => {
  const found = (value: string, valid_until: number | null = null): Discovery => ({
    verdict: 'found',
    identifiers: [{ property: 'handles', value }],
    valid_until,
  })
  const stored = () =>
    tables.query(`SELECT identifier_type AS type, value, validity > now() + interval '170 days' AS far
      FROM company_data_source_identifier ORDER BY id`)

  async function linked() {
    await addCompany(tables, 'Langfuse')
    const source = await addSource(tables)
    const company = async () =>
      (await readCompanies(database, [source], false)).get(source)?.[0] ?? expect.fail('no company')
    await tables.query(
      `INSERT INTO company_data_source_identifier (company_data_source_id, identifier_type, property, value, validity)
       SELECT id, 'MANUALLY_ADDED', 'handles', 'by hand', now() - interval '1 day' FROM company_data_source`,
    )
    return { source, company }
  }

  test('replaces what was discovered before, never what was given by hand', async () => {
    const { source, company } = await linked()
    await storeDiscovery(database, config, source, await company(), found('old'))
    await storeDiscovery(database, config, source, await company(), found('new', Date.now() - 1000))
    expect(await stored()).toEqual([
      { type: 'MANUALLY_ADDED', value: 'by hand', far: false },
      { type: 'AUTOMATICALLY_DISCOVERED', value: 'new', far: true },
    ])
    expect((await company()).identifiers).toMatchObject([
      { value: 'by hand', expired: true },
      { value: 'new', expired: false },
    ])
  })

  test('that brings nothing deletes nothing and is remembered, longer each time, until something is found', async () => {
    const { source, company } = await linked()
    await storeDiscovery(database, config, source, await company(), found('old'))
    const waits = () =>
      tables.query(
        `SELECT verdict, failures, round(extract(epoch FROM retry_at - tried_at))::int AS seconds FROM scheduler.discovery`,
      )
    const failed = { verdict: 'failed', reason: '/discover answered 500' } as const
    await storeDiscovery(database, config, source, await company(), failed)
    await storeDiscovery(database, config, source, await company(), failed)
    expect(await waits()).toEqual([{ verdict: 'failed', failures: 2, seconds: 120 }])
    expect((await company()).miss).toEqual({ ...failed, failures: 2, waiting: true })
    expect(await stored()).toHaveLength(2)
    await storeDiscovery(database, config, source, await company(), { verdict: 'empty', reason: '' })
    expect(await waits()).toEqual([{ verdict: 'empty', failures: 1, seconds: 86_400 }])
    await storeDiscovery(database, config, source, await company(), found('new'))
    expect((await company()).miss).toBeNull()
  })

  test('that is not needed is not made: what was given by hand and has expired stays in use, and is told until it is good again', async () => {
    const { source, company } = await linked()
    const module: Module = {
      discover: () => expect.fail('a module was asked for what is known'),
      crawl: () => expect.fail('a module was asked to crawl'),
    }
    const deps = { config, database, log: createLog('scheduler', 'fatal'), stopping: new AbortController().signal }
    const look = async () => discoverMissing(source, [await company()], module, () => true, deps)
    const told = () => tables.query('SELECT kind, subject, message, resolved_at IS NULL AS open FROM scheduler.story')
    const story = {
      kind: 'identifier-expired',
      subject: 'Langfuse',
      message: expect.stringContaining('(by hand)') as string,
    }
    for (let times = 0; times < 2; times++)
      expect(await look()).toMatchObject([{ identifiers: [{ value: 'by hand', expired: true }] }])
    expect(await told()).toEqual([{ ...story, open: true }])
    await tables.query(`UPDATE company_data_source_identifier SET validity = now() + interval '1 year'`)
    await look()
    expect(await told()).toEqual([{ ...story, open: false }])
  })

  test('of a company that was unlinked meanwhile is forgotten', async () => {
    const { source, company } = await linked()
    const gone = await company()
    await tables.query('DELETE FROM company_data_source')
    await storeDiscovery(database, config, source, gone, found('x'))
    expect(await stored()).toEqual([])
  })
})

describe('a policy', () => {
  const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000)
  const slots = async (sourceId: number) =>
    (await tables.query(
      `SELECT reason, slots, to_slot - from_slot = (slots - 1) * interval '1 hour' AS whole FROM scheduler.missed WHERE data_source_id = $1`,
      [sourceId],
    )) as { reason: string; slots: number; whole: boolean }[]

  /** Hourly sources whose last run began 5 hours and a half ago, by plan, and went well. */
  async function ranBefore(...policies: (Record<string, unknown> | null)[]): Promise<number[]> {
    const sources: number[] = []
    for (const policy of policies) {
      const source = await addSource(tables, { frequency: 'HOURLY' })
      if (policy) await setPolicy(source, policy)
      sources.push(source)
    }
    for (const { data_source_id, task_id } of (await claim()).claims) await finish(finishOf(data_source_id, task_id))
    await tables.query('UPDATE scheduler.run SET slot = $1', [hoursAgo(5.5)])
    return sources
  }

  test('says what becomes of five missed slots: one run, five in turn, or none', async () => {
    const sources = await ranBefore(null, { catch_up: 'all' }, { catch_up: 'none' })
    const [latest = 0, all = 0, none = 0] = sources
    const started = new Map(sources.map((source) => [source, 0]))
    for (let round = 0; round < 8; round++)
      for (const { data_source_id, task_id } of (await claim()).claims) {
        started.set(data_source_id, (started.get(data_source_id) ?? 0) + 1)
        await finish(finishOf(data_source_id, task_id))
      }
    expect([...started]).toEqual([
      [latest, 1],
      [all, 5],
      [none, 0],
    ])
    expect(await slots(latest)).toEqual([{ reason: 'superseded', slots: 4, whole: true }])
    expect(await slots(all)).toEqual([])
    expect(await slots(none)).toEqual([{ reason: 'late', slots: 5, whole: true }])
  })

  test('that pauses a source takes back its slots, keeps what passes on record, and lets it go on with the next', async () => {
    const [source = 0] = await ranBefore({ paused_at: null })
    await tables.query('UPDATE scheduler.source_policy SET paused_at = $1', [hoursAgo(1)])
    await addTask(tables, source, { schedule_type: 'REGULAR', scheduled_at: new Date(Date.now() + 60_000) })
    expect((await claim()).claims).toEqual([])
    expect(await readTasks(tables, source)).toMatchObject([{ status: 'SUCCESS' }])
    expect(await slots(source)).toEqual([{ reason: 'paused', slots: 5, whole: true }])
    await tables.query(`UPDATE scheduler.source_policy SET paused_until = now() - interval '1 second'`)
    expect((await claim()).claims).toEqual([])
    expect(await readTasks(tables, source)).toMatchObject([{ status: 'SUCCESS' }, { status: 'PENDING', attempts: 0 }])
    expect(await slots(source)).toHaveLength(1)
  })

  test('that pauses a source ends the attempts that wait for another try', async () => {
    const source = await addSource(tables, { max_run_seconds: 10 })
    const [{ task_id }] = (await claim()).claims as [Claim]
    await age(task_id, 11)
    await endAttempts(database, config)
    await setPolicy(source, { paused_at: new Date() })
    await endAttempts(database, config)
    expect(await only(source)).toMatchObject({ status: 'FAILED', attempts: 1, reason: 'the source was paused' })
    expect(await tables.query('SELECT excused FROM scheduler.run')).toEqual([{ excused: true }])
  })

  test('has its own attempts and back-off', async () => {
    const source = await addSource(tables, { max_run_seconds: 10 })
    await setPolicy(source, { max_attempts: 2, backoff_seconds: 7 })
    const [first] = (await claim()).claims as [Claim]
    expect(first.max_attempts).toBe(2)
    await age(first.task_id, 11)
    expect(await endAttempts(database, config)).toMatchObject([{ status: 'PENDING' }])
    const [wait] = await tables.query(
      'SELECT round(extract(epoch FROM retry_at - now()))::int AS seconds FROM scheduler.run WHERE retry_at IS NOT NULL',
    )
    expect(wait?.seconds).toBeGreaterThan(4)
    expect(wait?.seconds).toBeLessThanOrEqual(7)
    await age(first.task_id, 7)
    expect((await claim()).claims).toMatchObject([{ attempt: 2 }])
    await age(first.task_id, 11)
    expect(await endAttempts(database, config)).toMatchObject([{ status: 'FAILED' }])
  })

  test('may let runs overlap', async () => {
    const source = await addSource(tables)
    const tasks = [await addTask(tables, source, { scheduled_at: hoursAgo(2) }), await addTask(tables, source)]
    await setPolicy(source, { may_overlap: true })
    expect([...idsOf((await claim()).claims), ...idsOf((await claim()).claims)]).toEqual(tasks)
  })

  test('that nobody can read leaves the source its frequency', async () => {
    const source = await addSource(tables)
    await setPolicy(source, { cron: 'whenever', zone: 'Mars/Olympus', window_from: '00:00', window_to: '23:59' })
    expect(await look()).toMatchObject([{ id: source, cron: null, zone: 'UTC', window: { from: 0, to: 1439 } }])
  })
})

describe('a module', () => {
  const endpoints = [
    'http://m.example/a/',
    'https://m.example/a',
    'm.example/a',
    ' http://m.example/a ',
    'http://m.example/a',
  ]

  test('gets as many runs at once as it takes, of all its sources, however many schedulers there are', async () => {
    config = { ...config, MODULE_RUNS_AT_ONCE: 2 }
    for (const invocation_endpoint of endpoints) await addSource(tables, { invocation_endpoint })
    const other = await addSource(tables, { invocation_endpoint: 'http://m.example/b' })
    const seen = await look()
    const rounds = await Promise.all(Array.from({ length: 6 }, () => claimDue(database, config, seen, 1000)))
    const begun = rounds.flatMap(({ claims }) => claims)
    const own = begun.filter(({ data_source_id }) => data_source_id !== other)
    expect([begun.length, own.length]).toEqual([3, 2])
    expect((await claim()).claims).toEqual([])
    const [first] = own as [Claim]
    await finish(finishOf(first.data_source_id, first.task_id))
    expect((await claim()).claims).toHaveLength(1)
  })

  test('of which all attempts fail is left in peace, longer each time, then tried with one run, and well after a finish', async () => {
    config = { ...config, MAX_ATTEMPTS: 1, BREAKER_FAILURES: 3 }
    const sources: number[] = []
    for (const invocation_endpoint of endpoints) sources.push(await addSource(tables, { invocation_endpoint }))
    const fail = async (...claims: Claim[]) => {
      for (const one of claims) await endCall(database, one, { error: 'ECONNREFUSED', reached: false })
      await endAttempts(database, config)
    }
    const rest = async () => {
      const [row] = await tables.query(
        'SELECT failures, reason, round(extract(epoch FROM rests_until - now()))::int AS seconds FROM scheduler.module',
      )
      await tables.query('UPDATE scheduler.module SET rests_until = now()')
      return row
    }
    const { claims } = await claim()
    expect(claims).toHaveLength(4)
    await fail(...claims.slice(0, 2))
    expect(await rest()).toEqual({ failures: 2, reason: 'ECONNREFUSED', seconds: null })
    await tables.query('UPDATE scheduler.module SET rests_until = NULL')
    await fail(...claims.slice(2))
    await tables.query(`UPDATE scheduler.module SET rests_until = now() + interval '1 hour'`)
    for (const source of sources) await addTask(tables, source)
    expect((await claim()).claims).toEqual([])
    expect(nextStartInMs(await look())).toBeGreaterThan(3_500_000)
    await rest()
    const trial = (await claim()).claims
    expect(trial).toHaveLength(1)
    expect((await claim()).claims).toEqual([])
    await fail(...trial)
    const longer = await rest()
    expect(longer).toMatchObject({ failures: 5 })
    expect(longer?.seconds).toBeGreaterThan(1100)
    const [second] = (await claim()).claims as [Claim]
    await finish(finishOf(second.data_source_id, second.task_id))
    expect(await tables.query('SELECT FROM scheduler.module')).toEqual([])
    expect((await claim()).claims.length).toBeGreaterThan(1)
  })
})

describe('a run asked for by hand', () => {
  const ask = (sourceId: number, companies: number[] | null = null) =>
    database.transaction((tx) => requestRun(tx, sourceId, companies))

  test('is of the companies that were named', async () => {
    const source = await addSource(tables, { max_run_seconds: 55 })
    await addTask(tables, source, { schedule_type: 'REGULAR', scheduled_at: new Date(Date.now() + 3_600_000) })
    const company = await addCompany(tables, 'Langfuse')
    const asked = await ask(source, [company])
    expect((await claim()).claims).toMatchObject([
      { ...asked, only_companies: [company], attempt: 1, max_run_seconds: 55 },
    ])
  })

  test('is refused where it would overlap, or is of nobody', async () => {
    const [source, off, paused] = [
      await addSource(tables, { source_name: 'one' }),
      await addSource(tables, { source_name: 'off', is_active: false }),
      await addSource(tables, { source_name: 'paused' }),
    ]
    await setPolicy(paused, { paused_at: new Date() })
    expect(await ask(off)).toEqual({ refused: 'off is switched off' })
    expect(await ask(paused)).toEqual({ refused: 'paused is paused' })
    expect(await ask(4711)).toEqual({ refused: 'there is no source 4711' })
    expect(await ask(source, [12])).toEqual({ refused: 'one is not linked to company 12' })
    const answers = await Promise.all([ask(source), ask(source), ask(source)])
    expect(answers.filter((answer) => 'task_id' in answer)).toHaveLength(1)
    await claim()
    expect(await ask(source)).toEqual({ refused: expect.stringContaining('one is running') as string })
  })
})

describe('health', () => {
  const shown = async () =>
    (
      await tables.query(
        `SELECT health_status FROM data_source UNION ALL SELECT health_status FROM company_data_source`,
      )
    ).map(({ health_status }) => health_status as string)
  const stories = async () =>
    (await readUntold(database)).map(({ kind, subject, resolved, facts }) => [
      kind,
      subject,
      resolved,
      facts.what ?? '',
    ])

  /** One whole run: fails, or finishes with what was fed and what the module could not crawl. */
  async function run(source: number, company: number, end: 'fails' | 'feeds' | 'nothing' | 'errors'): Promise<void> {
    await tables.query(`DELETE FROM scheduled_task WHERE status = 'PENDING'`)
    await tables.query(
      `UPDATE scheduler.run SET slot = slot - interval '1 day', started_at = started_at - interval '1 day'`,
    )
    await tables.query(`UPDATE scheduler.company_source SET last_fed_at = last_fed_at - interval '1 day'`)
    const [ours] = (await claim()).claims as [Claim]
    if (end === 'fails') await endCall(database, ours, { error: '/companies answered 500', reached: false })
    else {
      if (end === 'feeds') await feedOf(ours.task_id, company)
      else await feedOf(ours.task_id, company + 1)
      const failed = { [company]: { error_type: 'CrawlingError', error_description: 'no such handle' } }
      await finish(finishOf(source, ours.task_id, end === 'errors' ? { errors: failed } : {}))
      await age(ours.task_id, 10)
    }
    await endAttempts(database, config)
    await settleRuns(database, config)
    await judgeRuns(database, config)
    expect(await judgeRuns(database, config)).toBe(0)
  }

  async function withCompanies() {
    config = { ...config, MAX_ATTEMPTS: 1 }
    const company = await addCompany(tables, 'Langfuse')
    await addCompany(tables, 'Aleph')
    const source = await addSource(tables, { source_name: 'github' })
    return { source, company }
  }

  test('is DOWN after three failed runs and UP after one that went well, told once each', async () => {
    const { source, company } = await withCompanies()
    for (const end of ['feeds', 'fails', 'fails'] as const) await run(source, company, end)
    expect(await shown()).toEqual(['UP', 'UP', 'UP'])
    await run(source, company, 'fails')
    expect(await shown()).toEqual(['DOWN', 'DOWN', 'DOWN'])
    await run(source, company, 'fails')
    expect(await stories()).toEqual([['source-down', 'github', false, '']])
    await tables.query(
      `UPDATE scheduler.health SET known_since = now() - interval '10 hours', since = now() - interval '1 hour'`,
    )
    const [health] = await tables.query(
      'SELECT status, reason, round(uptime::numeric, 3)::float8 AS uptime, runs::int, runs_ok::int, runs_failed::int FROM scheduler.source_health',
    )
    expect(health).toEqual({
      status: 'DOWN',
      reason: '/companies answered 500',
      uptime: 0.9,
      runs: 5,
      runs_ok: 1,
      runs_failed: 4,
    })
    await run(source, company, 'feeds')
    expect(await shown()).toEqual(['UP', 'UP', 'UP'])
    expect(await stories()).toContainEqual(['source-down', 'github', true, ''])
    const [after] = await tables.query(
      'SELECT status, reason, round(uptime::numeric, 3)::float8 AS uptime FROM scheduler.source_health',
    )
    expect(after).toEqual({ status: 'UP', reason: null, uptime: 0.9 })
  })

  test('of a company is that of its runs: what the module reports of it counts when nothing of it was fed', async () => {
    const { source, company } = await withCompanies()
    const companyHealth = async () =>
      (await tables.query('SELECT health_status FROM company_data_source ORDER BY company_id')).map(
        (row) => row.health_status,
      )
    for (const end of ['feeds', 'errors', 'errors'] as const) await run(source, company, end)
    expect(await companyHealth()).toEqual(['UP', 'UP'])
    await run(source, company, 'errors')
    expect(await companyHealth()).toEqual(['DOWN', 'UP'])
    expect((await shown())[0]).toBe('UP')
    await run(source, company, 'feeds')
    expect(await companyHealth()).toEqual(['UP', 'UP'])
  })

  test('a company of which a run brought nothing is told once, and its next value ends it', async () => {
    const { source, company } = await withCompanies()
    await run(source, company, 'feeds')
    expect(await stories()).toEqual([])
    await run(source, company, 'nothing')
    await run(source, company, 'nothing')
    expect(await stories()).toEqual([['stale', 'Langfuse, github', false, 'ran, no value']])
    await run(source, company, 'feeds')
    expect(await stories()).toContainEqual(['stale', 'Langfuse, github', true, 'ran, no value'])
  })

  test('a source that did not run is told once; its next value, a pause or its end closes that', async () => {
    const { source, company } = await withCompanies()
    await run(source, company, 'feeds')
    const silent = () => tables.query(`UPDATE scheduler.company_source SET last_fed_at = now() - interval '26 hours'`)
    await judgeSources(database, config)
    expect(await stories()).toEqual([])
    await silent()
    await tables.query(`UPDATE scheduler.run SET started_at = started_at - interval '26 hours'`)
    await judgeSources(database, config)
    await judgeSources(database, config)
    expect(await stories()).toEqual([['stale', 'github', false, 'did not run']])
    await addTask(tables, source)
    const [ours] = (await claim()).claims as [Claim]
    await feedOf(ours.task_id, company)
    expect(await stories()).toContainEqual(['stale', 'github', true, 'did not run'])
    await silent()
    await judgeSources(database, config)
    const open = () => tables.query('SELECT FROM scheduler.story WHERE resolved_at IS NULL')
    expect(await open()).toHaveLength(1)
    await setPolicy(source, { paused_at: new Date() })
    await judgeSources(database, config)
    expect(await open()).toEqual([])
    await silent()
    await judgeSources(database, config)
    expect(await open()).toEqual([])
  })
})
