import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Database } from '#runtime/postgres/database.ts'
import { beginCall, endCall, seeCalls } from '../../services/scheduler/call-log.ts'
import { type Claim, claimDue } from '../../services/scheduler/claims.ts'
import { nextStartInMs } from '../../services/scheduler/pick-due.ts'
import { previewSlots } from '../../services/runtime/plan/plan-slots.ts'
import { judgeRuns } from '../../services/scheduler/judged-runs.ts'
import { judgeSources } from '../../services/scheduler/silence.ts'
import { readSources } from '../../services/scheduler/sources.ts'
import { adoptTasks, closeOrphans, endAttempts, finalizeRuns } from '../../services/scheduler/open-runs.ts'
import { createSourceWatch } from '../../services/scheduler/source-watch.ts'
import { addSource, addTask, finishOf, readTasks } from '../harness/scheduler/setup.ts'
import {
  age,
  claim,
  config,
  configure,
  database,
  feed,
  finish,
  idsOf,
  look,
  only,
  tables,
} from '../harness/scheduler/world.ts'

describe('claiming', () => {
  test('starts a new source at once and plans nothing twice, however many do it', async () => {
    const sources = await Promise.all(Array.from({ length: 40 }, () => addSource(tables)))
    // All at once, on connections that are open already, and all with the same idea of what there is to do.
    const [seen = []] = await Promise.all(Array.from({ length: 8 }, look))
    const rounds = await Promise.all(Array.from({ length: 8 }, () => claimDue(config, database, seen, 1000)))
    const claimed = rounds.flatMap(({ claims }) => claims.map((one) => one.data_source_id))
    expect(claimed.toSorted()).toEqual(sources.toSorted())
    const count = () => tables.query('SELECT status, count(*)::int FROM scheduled_task GROUP BY status ORDER BY status')
    // One that looked before the others and comes to its turn after them, frozen for example, finds nothing to do.
    expect((await claimDue(config, database, seen, 1000)).claims).toEqual([])
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

  test.each([
    ['switched off', 'UPDATE data_source SET is_active = false'],
    ['paused', 'INSERT INTO scheduler.source_policy (data_source_id, paused_at) SELECT id, now() FROM data_source'],
  ])('starts nothing of a source that is %s, and ends what was asked for with the reason', async (state, change) => {
    const source = await addSource(tables)
    await tables.query(change)
    const demanded = await addTask(tables, source)
    const later = await addTask(tables, source, { scheduled_at: new Date(Date.now() + 3_600_000) })
    await addTask(tables, source, { schedule_type: 'REGULAR' })
    const watch = createSourceWatch(config, database)
    expect((await claimDue(config, database, (await watch()).sources, 10)).claims).toEqual([])
    const reason = `the source is ${state}`
    const ended = {
      task_id: demanded,
      status: 'FAILED',
      attempts: 0,
      outcome: 'failed',
      reason,
      result_summary: reason,
    }
    const waits = { task_id: later, status: 'PENDING' }
    expect(await readTasks(tables, source)).toMatchObject([{ ...ended, ended_at: expect.any(String) as string }, waits])
    // A run that never started says nothing about the health of its source.
    configure({ DOWN_AFTER_RUNS: 1 })
    await judgeRuns(config, database)
    expect(await tables.query('SELECT health_status FROM data_source')).toEqual([{ health_status: 'UP' }])
    // Nothing is looked at until the next one is due, or somebody asks again.
    await watch()
    expect((await watch()).sources).toEqual([])
    const again = await addTask(tables, source)
    await claimDue(config, database, (await watch()).sources, 10)
    expect((await readTasks(tables, source)).find(({ task_id }) => task_id === again)).toMatchObject({
      status: 'FAILED',
      reason,
    })
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
      const sources = await readSources(config, tx)
      tell((await claimDue(config, tx as unknown as Database, sources, 1)).claims)
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
    expect(await endAttempts(config, database)).toEqual([])
    for (const attempt of [1, 2]) {
      await age(first.task_id, 11)
      expect(await endAttempts(config, database)).toMatchObject([
        { attempt, status: 'PENDING', reason: 'not finished within 10 s' },
      ])
      expect((await claim()).claims).toEqual([])
      await age(first.task_id, 60 * attempt)
      expect((await claim()).claims).toMatchObject([
        { task_id: first.task_id, attempt: attempt + 1, claim_token: attempt + 1 },
      ])
    }
    await age(first.task_id, 11)
    expect(await endAttempts(config, database)).toMatchObject([{ attempt: 3, status: 'FAILED' }])
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
    configure({ MAX_ATTEMPTS: 1 })
    await claim()
    await feed({ event_id: randomUUID(), task_id: String(task) })
    await age(task, 301)
    await endAttempts(config, database)
    expect(await only(source)).toMatchObject({ status: 'FAILED', outcome: 'partial', fed: 1 })
  })

  test.each([true, false])('ends early when its call was lost (reached: %s) and nothing is fed', async (reached) => {
    const source = await addSource(tables)
    const [ours] = (await claim()).claims as [Claim]
    await endCall(database, ours, { error: '/companies answered 500', reached })
    if (reached) {
      expect(await endAttempts(config, database)).toEqual([])
      await age(ours.task_id, 50)
      await feed({ event_id: randomUUID(), task_id: String(ours.task_id) })
      await age(ours.task_id, 290)
      expect(await endAttempts(config, database)).toEqual([])
      await age(ours.task_id, 20)
    }
    expect(await endAttempts(config, database)).toMatchObject([
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
    await endAttempts(config, database)
    await tables.query('UPDATE data_source SET is_active = false')
    await tables.query(
      `UPDATE scheduled_task SET started_at = started_at - interval '1 hour' WHERE data_source_id = $1`,
      [two],
    )
    await endAttempts(config, database)
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
    await endAttempts(config, database)
    const [state] = await look()
    expect(state?.foreign.toSorted()).toEqual([never, often].toSorted())
    await adoptTasks(database, state?.foreign ?? [])
    await endAttempts(config, database)
    expect(await readTasks(tables, source)).toMatchObject([
      { status: 'PENDING', attempts: 2 },
      { status: 'FAILED', attempts: 3, outcome: 'failed' },
    ])
  })
})

describe('a module that shows life', () => {
  const feedOnce = (task: number) => feed({ event_id: randomUUID(), task_id: String(task) })

  test('is not called again while it feeds, for however long, until the limit', async () => {
    const source = await addSource(tables, { max_run_seconds: 10 })
    configure({ LONGEST_RUN_SECONDS: 200 })
    const [{ task_id }] = (await claim()).claims as [Claim]
    for (let fed = 0; fed < 20; fed++) {
      await age(task_id, 9)
      await feedOnce(task_id)
      expect(await endAttempts(config, database)).toEqual([])
    }
    await age(task_id, 11)
    const silent = { attempt: 1, status: 'PENDING', reason: 'not finished, and nothing fed for 10 s' }
    expect(await endAttempts(config, database)).toMatchObject([silent])
    await age(task_id, 60)
    await claim()
    for (let fed = 0; fed < 22; fed++) {
      await age(task_id, 9)
      await feedOnce(task_id)
    }
    await age(task_id, 2)
    const tooLong = { attempt: 2, status: 'PENDING', reason: 'not finished within 200 s' }
    expect(await endAttempts(config, database)).toMatchObject([tooLong])
    expect(await only(source)).toMatchObject({ status: 'PENDING', fed: 42 })
  })

  test('is not called again while its call is open, for up to an hour without a payload', async () => {
    await addSource(tables)
    const [ours] = (await claim()).claims as [Claim]
    await beginCall(config, database, ours)
    for (let silence = 0; silence < 3500; silence += 500) {
      await age(ours.task_id, 500)
      expect(await seeCalls(database, [ours])).toEqual([])
      expect(await endAttempts(config, database)).toEqual([])
    }
    await age(ours.task_id, 101)
    expect(await endAttempts(config, database)).toMatchObject([{ reason: 'not finished within 3600 s' }])
    expect(await seeCalls(database, [ours])).toEqual([ours.task_id])
  })

  test('has its time once more when the process that held its call is killed, and is called again then', async () => {
    await addSource(tables)
    const [ours] = (await claim()).claims as [Claim]
    await beginCall(config, database, ours)
    await age(ours.task_id, 3000)
    await seeCalls(database, [ours])
    await age(ours.task_id, 299)
    expect(await endAttempts(config, database)).toEqual([])
    await age(ours.task_id, 2)
    expect(await endAttempts(config, database)).toMatchObject([{ reason: 'not finished within 300 s' }])
  })

  test('puts off its next attempt when it feeds although its attempt was ended', async () => {
    await addSource(tables)
    const [{ task_id }] = (await claim()).claims as [Claim]
    await age(task_id, 301)
    expect(await endAttempts(config, database)).toHaveLength(1)
    await age(task_id, 59)
    await feedOnce(task_id)
    await age(task_id, 299)
    expect((await claim()).claims).toEqual([])
    await age(task_id, 2)
    expect(idsOf((await claim()).claims)).toEqual([task_id])
  })

  test('and finishes after ten times its time, feeding, is not late', async () => {
    const source = await addSource(tables, { max_run_seconds: 10 })
    const [{ task_id }] = (await claim()).claims as [Claim]
    for (let fed = 0; fed < 10; fed++) {
      await age(task_id, 9)
      await feedOnce(task_id)
    }
    await finish(finishOf(source, task_id))
    expect(await only(source)).toMatchObject({ status: 'SUCCESS', attempts: 1, finish_late: false })
  })
})

describe('a claim that was lost', () => {
  test('calls no module and writes nothing', async () => {
    const source = await addSource(tables)
    const [stale] = (await claim()).claims as [Claim]
    expect(await beginCall(config, database, stale)).toBe(true)
    await age(stale.task_id, 301)
    await endAttempts(config, database)
    expect(await beginCall(config, database, stale)).toBe(false)
    await age(stale.task_id, 60)
    const [fresh] = (await claim()).claims as [Claim]
    expect(await beginCall(config, database, stale)).toBe(false)
    await endCall(database, stale, { error: 'thawed', reached: false })
    expect(await endAttempts(config, database)).toEqual([])
    expect(await only(source)).toMatchObject({ status: 'PROCESSING', call_error: null })
    expect(await beginCall(config, database, fresh)).toBe(true)
  })
})

describe('a source at which there is nothing to do', () => {
  /** Ran, and waits for its next slot. */
  async function resting(): Promise<number> {
    const source = await addSource(tables)
    for (const { task_id } of (await claim()).claims) await finish(finishOf(source, task_id))
    await claim()
    return source
  }

  test.each([
    [
      'is to run by hand',
      `INSERT INTO scheduled_task (data_source_id, schedule_type) SELECT id, 'ON_DEMAND' FROM data_source`,
    ],
    ['has another frequency', `UPDATE data_source SET frequency = 'HOURLY'`],
    ['is switched off', 'UPDATE data_source SET is_active = false'],
    ['has lost its slot', `DELETE FROM scheduled_task WHERE status = 'PENDING'`],
    ['has its slot elsewhere', `UPDATE scheduled_task SET scheduled_at = now() WHERE status = 'PENDING'`],
    ['is paused', 'INSERT INTO scheduler.source_policy (data_source_id, paused_at) SELECT id, now() FROM data_source'],
    [
      'has a plan of its own',
      `INSERT INTO scheduler.source_policy (data_source_id, cron) SELECT id, '0 0 1 1 *' FROM data_source`,
    ],
  ])('is left alone until it %s, however many tasks have been', async (_, change) => {
    const source = await resting()
    await tables.query(
      `INSERT INTO scheduled_task (data_source_id, schedule_type, status) SELECT $1, 'REGULAR', 'SUCCESS' FROM generate_series(1, 12000)`,
      [source],
    )
    const watch = createSourceWatch(config, database)
    const seen = async () => (await watch()).sources.map(({ id }) => id)
    expect([await seen(), await seen(), await seen()]).toEqual([[source], [], []])
    await tables.query(change)
    expect(await seen()).toEqual([source])
  })
})

test('whatever somebody has written into the tables of parma-web, it stops no other source', async () => {
  const good = await addSource(tables)
  await tables.query(`
    WITH source AS (
      INSERT INTO data_source (source_name, is_active, frequency, health_status, max_run_seconds, created_at, modified_at)
      SELECT time, is_active, 'MONTHLY', 'UP', seconds, time::timestamp, time::timestamp
      FROM unnest(ARRAY['infinity', '-infinity', '4713-01-01 BC', '0001-01-01', '9999-12-31', '294276-12-31']) AS time,
        unnest(ARRAY[-2147483648, 2147483647]) AS seconds, unnest(ARRAY[true, false]) AS is_active
      RETURNING id, source_name AS time, max_run_seconds
    )
    INSERT INTO scheduled_task (data_source_id, schedule_type, status, scheduled_at, started_at, attempts, max_run_seconds)
    SELECT id, type::schedule_type, status::task_status, time::timestamp, time::timestamp, attempts, max_run_seconds
    FROM source, unnest(ARRAY['REGULAR', 'ON_DEMAND']) AS type, unnest(ARRAY['PENDING', 'PROCESSING', 'FAILED']) AS status,
      unnest(ARRAY[-2147483648, 0, 2147483647]) AS attempts`)
  await tables.query(`
    INSERT INTO scheduler.source_policy (data_source_id, max_attempts, backoff_seconds, jitter_seconds, cron)
    SELECT id, 2147483647, 2147483647, 2147483647, CASE WHEN id % 2 = 0 THEN '0 0 29 2 *' END FROM data_source WHERE id % 3 = 0 AND id <> ${good}`)
  const watch = createSourceWatch(config, database)
  const started: number[] = []
  for (let round = 0; round < 3; round++) {
    await endAttempts(config, database)
    await finalizeRuns(config, database)
    await closeOrphans(database)
    const { sources } = await watch()
    for (const source of sources) previewSlots(source, source.now, source.now + 86_400_000)
    await adoptTasks(
      database,
      sources.flatMap(({ foreign }) => foreign),
    )
    const { claims } = await claimDue(config, database, sources, 1000)
    started.push(...claims.map(({ data_source_id }) => data_source_id))
    for (const one of claims) await beginCall(config, database, one)
    await finish(...claims.map(({ data_source_id, task_id }) => finishOf(data_source_id, task_id)))
    await judgeRuns(config, database)
    await judgeSources(config, database)
  }
  expect(started.filter((id) => id === good)).toEqual([good])
})
