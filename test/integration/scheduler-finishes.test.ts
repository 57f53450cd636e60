import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Claim } from '../../services/scheduler/claims.ts'
import { requestRun } from '../../services/scheduler/request-run.ts'
import { closeOrphans, endAttempts, finalizeRuns } from '../../services/scheduler/open-runs.ts'
import type { CrawlFinished } from '#schemas/generated/types.ts'
import { addCompany, addSource, addTask, finishOf } from '../harness/scheduler/setup.ts'
import {
  age,
  claim,
  config,
  configure,
  database,
  feed,
  feedOf,
  finish,
  idsOf,
  only,
  tables,
  wrong,
} from '../harness/scheduler/world.ts'

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
    expect(await finalizeRuns(config, database)).toEqual([])
    await age(task, 10)
    expect(await finalizeRuns(config, database)).toEqual([
      { task_id: task, data_source_id: source, outcome: 'ok', fed: 0 },
    ])
    expect(await finalizeRuns(config, database)).toEqual([])
  })

  test('with errors and something fed is partial, and no failure', async () => {
    const { source, task } = await running()
    await feed({ event_id: randomUUID(), task_id: String(task) })
    await finish(finishOf(source, task, wrong))
    expect(await only(source)).toMatchObject({ status: 'SUCCESS', result_summary: wrong.result_summary })
    await age(task, 10)
    await finalizeRuns(config, database)
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
    expect(await endAttempts(config, database)).toEqual([])
    await finalizeRuns(config, database)
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
      if (when === 'after') await finalizeRuns(config, database)
      await feed({ event_id: randomUUID(), task_id: String(task) })
      await finalizeRuns(config, database)
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
    configure({ MAX_ATTEMPTS: 1 })
    await age(task, 11)
    await endAttempts(config, database)
    await finish(finishOf(source, task))
    expect(await only(source)).toMatchObject({ status: 'SUCCESS', finish_late: true, outcome: null, reason: null })
    await age(task, 10)
    await finalizeRuns(config, database)
    expect(await only(source)).toMatchObject({ status: 'SUCCESS', outcome: 'ok' })
  })

  test('that comes while the next attempt waits ends that, too', async () => {
    const { source, task } = await running({ max_run_seconds: 10 })
    await age(task, 11)
    await endAttempts(config, database)
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

describe('a run of which the edge refused payloads', () => {
  const unavailable = { error_type: 'AnalyticsError', error_description: 'API request failed with status code 503' }
  const invalid = { error_type: 'AnalyticsError', error_description: 'API request failed with status code 422' }
  const uncrawled = { error_type: 'CrawlingError', error_description: 'not found' }

  /** Companies: fed, refused, refused for good, not crawled, without anything. */
  async function refusing(name = 'github') {
    const companies = []
    for (const company of ['a', 'b', 'c', 'd', 'e']) companies.push(await addCompany(tables, company))
    const source = await addSource(tables, { source_name: name })
    const [fed = 0, refused = 0, wrong = 0, lost = 0] = companies
    const errors = { [refused]: unavailable, [wrong]: invalid, [lost]: uncrawled, 999: unavailable }
    return { source, fed, refused, errors }
  }

  /** The module's run: it feeds `fed` and finishes with `errors`. Returns what the outcome says. */
  async function run(source: number, errors: CrawlFinished['errors'], fed: number | null) {
    const [ours] = (await claim()).claims as [Claim]
    if (fed !== null) await feedOf(ours.task_id, fed)
    await finish(finishOf(source, ours.task_id, { errors, result_summary: JSON.stringify(errors) }))
    await age(ours.task_id, 10)
    const [final] = await finalizeRuns(config, database)
    return { ...ours, ...final }
  }

  const soon = () =>
    tables.query(
      "UPDATE scheduled_task SET scheduled_at = now() AT TIME ZONE 'UTC' WHERE schedule_type = 'ON_DEMAND' AND status = 'PENDING'",
    )

  test.each([true, false])(
    'is repeated for just these companies, with a back-off and a last time (fed others: %s)',
    async (feeds) => {
      const { source, fed, refused, errors } = await refusing()
      const first = await run(source, errors, feeds ? fed : null)
      expect(first).toMatchObject({
        only_companies: null,
        outcome: feeds ? 'partial' : 'failed',
        repeated_as: expect.any(Number) as number,
      })
      expect((await claim()).claims).toEqual([])
      await soon()
      const second = await run(source, { [refused]: unavailable }, null)
      expect(second).toMatchObject({ task_id: first.repeated_as, only_companies: [refused], outcome: 'failed' })
      const waits = await tables.query(
        `SELECT round(extract(epoch FROM scheduled_at - now() AT TIME ZONE 'UTC'))::int AS seconds FROM scheduled_task
       WHERE schedule_type = 'ON_DEMAND' AND status = 'PENDING'`,
      )
      expect(waits).toEqual([{ seconds: 120 }])
      await soon()
      const third = await run(source, { [refused]: unavailable }, null)
      expect(third).toMatchObject({ task_id: second.repeated_as, only_companies: [refused] })
      expect(third).not.toHaveProperty('repeated_as')
    },
  )

  test('is not repeated when the source is off, nor twice when its outcome is written again', async () => {
    const { source, fed, errors } = await refusing()
    const first = await run(source, errors, fed)
    await finish(finishOf(source, first.task_id, { ...wrong, errors }))
    await age(first.task_id, 10)
    expect(await finalizeRuns(config, database)).toEqual([
      { task_id: first.task_id, data_source_id: source, outcome: 'partial', fed: 1 },
    ])
    await soon()
    const [second] = (await claim()).claims as [Claim]
    await finish(finishOf(source, second.task_id, { errors, result_summary: JSON.stringify(errors) }))
    await age(second.task_id, 10)
    await tables.query('UPDATE data_source SET is_active = false')
    const [final] = await finalizeRuns(config, database)
    expect(final).not.toHaveProperty('repeated_as')
  })

  test('because its bytes of the day are used up is not repeated before the next day', async () => {
    const { source, fed, errors } = await refusing()
    await tables.query(
      `INSERT INTO edge.source_bytes (day, data_source_id, bytes, told_at)
       VALUES ((now() AT TIME ZONE 'UTC')::date, $1, 10, now()), ((now() AT TIME ZONE 'UTC')::date, $1 + 1, 10, NULL)`,
      [source],
    )
    const { repeated_as } = await run(source, errors, fed)
    const [repeat] = await tables.query(
      `SELECT scheduled_at >= date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day' AS tomorrow
       FROM scheduled_task WHERE task_id = $1`,
      [repeated_as],
    )
    expect(repeat).toEqual({ tomorrow: true })
  })

  test('does not stand in the way of a run by hand', async () => {
    const { source, fed, errors } = await refusing()
    await run(source, errors, fed)
    expect(await database.transaction((tx) => requestRun(tx, source, null))).toEqual({
      task_id: expect.any(Number) as number,
    })
  })

  test('of a source that brings its companies is repeated whole', async () => {
    const { source, errors } = await refusing('affinity')
    const { repeated_as } = await run(source, errors, null)
    await soon()
    expect((await claim()).claims).toMatchObject([{ task_id: repeated_as, only_companies: null }])
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
