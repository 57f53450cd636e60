import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createLog } from '#runtime/process/log.ts'
import type { Delivery } from '#runtime/consume/outcome.ts'
import type { SourcingTrigger } from '#schemas/generated/types.ts'
import { endCall } from '../../services/scheduler/call-log.ts'
import { type Claim, claimDue } from '../../services/scheduler/claims.ts'
import { nextStartInMs } from '../../services/scheduler/pick-due.ts'
import { requestRun } from '../../services/scheduler/request-run.ts'
import { endAttempts } from '../../services/scheduler/open-runs.ts'
import { takeTriggers } from '../../services/scheduler/inbox/triggers.ts'
import { addCompany, addSource, addTask, finishOf, readTasks } from '../harness/scheduler/setup.ts'
import {
  age,
  claim,
  config,
  configure,
  database,
  delivery,
  finish,
  idsOf,
  look,
  only,
  setPolicy,
  tables,
} from '../harness/scheduler/world.ts'

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
    await endAttempts(config, database)
    await setPolicy(source, { paused_at: new Date() })
    await endAttempts(config, database)
    expect(await only(source)).toMatchObject({ status: 'FAILED', attempts: 1, reason: 'the source was paused' })
    expect(await tables.query('SELECT excused FROM scheduler.run')).toEqual([{ excused: true }])
  })

  test('has its own attempts and back-off', async () => {
    const source = await addSource(tables, { max_run_seconds: 10 })
    await setPolicy(source, { max_attempts: 2, backoff_seconds: 7 })
    const [first] = (await claim()).claims as [Claim]
    expect(first.max_attempts).toBe(2)
    await age(first.task_id, 11)
    expect(await endAttempts(config, database)).toMatchObject([{ status: 'PENDING' }])
    const [wait] = await tables.query(
      'SELECT round(extract(epoch FROM retry_at - now()))::int AS seconds FROM scheduler.run WHERE retry_at IS NOT NULL',
    )
    expect(wait?.seconds).toBeGreaterThan(4)
    expect(wait?.seconds).toBeLessThanOrEqual(7)
    await age(first.task_id, 7)
    expect((await claim()).claims).toMatchObject([{ attempt: 2 }])
    await age(first.task_id, 11)
    expect(await endAttempts(config, database)).toMatchObject([{ status: 'FAILED' }])
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
    configure({ MODULE_RUNS_AT_ONCE: 2 })
    for (const invocation_endpoint of endpoints) await addSource(tables, { invocation_endpoint })
    const other = await addSource(tables, { invocation_endpoint: 'http://m.example/b' })
    const seen = await look()
    const rounds = await Promise.all(Array.from({ length: 6 }, () => claimDue(config, database, seen, 1000)))
    const begun = rounds.flatMap(({ claims }) => claims)
    const own = begun.filter(({ data_source_id }) => data_source_id !== other)
    expect([begun.length, own.length]).toEqual([3, 2])
    expect((await claim()).claims).toEqual([])
    const [first] = own as [Claim]
    await finish(finishOf(first.data_source_id, first.task_id))
    expect((await claim()).claims).toHaveLength(1)
  })

  test('of which all attempts fail is left in peace, longer each time, then tried with one run, and well after a finish', async () => {
    configure({ MAX_ATTEMPTS: 1, BREAKER_FAILURES: 3 })
    const sources: number[] = []
    for (const invocation_endpoint of endpoints) sources.push(await addSource(tables, { invocation_endpoint }))
    const fail = async (...claims: Claim[]) => {
      for (const one of claims) await endCall(database, one, { error: 'ECONNREFUSED', reached: false })
      await endAttempts(config, database)
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

  test('by a trigger is asked for once, however often that is delivered, and has its reason where it is refused', async () => {
    const source = await addSource(tables, { source_name: 'one' })
    const woken: number[] = []
    const take = takeTriggers({ log: createLog('test', 'silent') }, database, () => woken.push(1))
    const trigger = (data_source_id: number, company_id: string | null = null): Delivery<SourcingTrigger> =>
      delivery({
        ...{ event_id: randomUUID(), kind: 'schedule', requested_at: Date.now() },
        ...{ data_source_id, company_id, mail: null },
      })
    const [good, nobody, foreign] = [trigger(source), trigger(4711), trigger(source, '12')]
    const kinds = async (...batch: (typeof good)[]) => (await take(batch)).map(({ kind }) => kind)
    expect(await kinds(foreign, good, good, nobody)).toEqual(['drop', 'ok', 'ok', 'drop'])
    expect(await kinds(good)).toEqual(['ok'])
    expect(await readTasks(tables, source)).toMatchObject([{ schedule_type: 'ON_DEMAND', status: 'PENDING' }])
    expect(woken).toHaveLength(2)
    const reasons = new Map(
      (await tables.query('SELECT event_id, reason FROM scheduler.event_status')).map((row) => [
        row.event_id,
        row.reason,
      ]),
    )
    expect([good, nobody, foreign].map(({ value }) => reasons.get(value.event_id))).toEqual([
      null,
      'there is no source 4711',
      'one is not linked to company 12',
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
