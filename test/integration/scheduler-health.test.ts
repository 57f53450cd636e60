import { describe, expect, test } from 'vitest'
import { endCall } from '../../services/scheduler/call-log.ts'
import type { Claim } from '../../services/scheduler/claims.ts'
import { judgeRuns } from '../../services/scheduler/judged-runs.ts'
import { judgeSources } from '../../services/scheduler/silence.ts'
import { endAttempts, finalizeRuns } from '../../services/scheduler/open-runs.ts'
import { addCompany, addSource, addTask, finishOf } from '../harness/scheduler/setup.ts'
import { readOutbox } from '../harness/outbox.ts'
import {
  age,
  claim,
  config,
  configure,
  database,
  feedOf,
  finish,
  setPolicy,
  tables,
} from '../harness/scheduler/world.ts'

describe('health', () => {
  const shown = async () =>
    (
      await tables.query(
        `SELECT health_status FROM data_source UNION ALL SELECT health_status FROM company_data_source`,
      )
    ).map(({ health_status }) => health_status as string)
  const incidents = async () =>
    (await readOutbox(tables, 'scheduler')).map(({ kind, subject, resolved, facts }) => [
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
    await endAttempts(config, database)
    await finalizeRuns(config, database)
    await judgeRuns(config, database)
    expect(await judgeRuns(config, database)).toBe(0)
  }

  async function withCompanies() {
    configure({ MAX_ATTEMPTS: 1 })
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
    expect(await incidents()).toEqual([['source-down', 'github', false, '']])
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
    expect(await incidents()).toContainEqual(['source-down', 'github', true, ''])
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
    expect(await incidents()).toEqual([])
    await run(source, company, 'nothing')
    await run(source, company, 'nothing')
    expect(await incidents()).toEqual([['stale', 'Langfuse, github', false, 'ran, no value']])
    await run(source, company, 'feeds')
    expect(await incidents()).toContainEqual(['stale', 'Langfuse, github', true, 'ran, no value'])
  })

  test('a value that was observed long ago ends no incident about stale data', async () => {
    const { source, company } = await withCompanies()
    const tooOld = Date.now() - 40 * 3_600_000
    await run(source, company, 'feeds')
    await run(source, company, 'nothing')
    await tables.query(`UPDATE data_source SET created_at = created_at - interval '30 days'`)
    await tables.query(`UPDATE scheduler.company_source SET last_fed_at = now() - interval '50 hours'`)
    await tables.query(`UPDATE scheduler.run SET started_at = started_at - interval '26 hours'`)
    await judgeSources(config, database)
    const ends = async () => (await incidents()).map(([, subject, resolved]) => [subject, resolved])
    const open = [
      ['Langfuse, github', false],
      ['github', false],
    ]
    expect(await ends()).toEqual(open)
    await addTask(tables, source)
    const [ours] = (await claim()).claims as [Claim]
    await feedOf(ours.task_id, company, tooOld)
    await judgeSources(config, database)
    expect(await ends()).toEqual(open)
    await feedOf(ours.task_id, company, Date.now())
    expect((await ends()).slice(2).sort()).toEqual([
      ['Langfuse, github', true],
      ['github', true],
    ])
  })

  test('a source that did not run is told once; its next value, a pause or its end closes that', async () => {
    const { source, company } = await withCompanies()
    await run(source, company, 'feeds')
    const silent = async () => {
      await tables.query(`UPDATE data_source SET created_at = created_at - interval '30 days'`)
      await tables.query(`UPDATE scheduler.company_source SET last_fed_at = now() - interval '26 hours'`)
    }
    await judgeSources(config, database)
    expect(await incidents()).toEqual([])
    await silent()
    await tables.query(`UPDATE scheduler.run SET started_at = started_at - interval '26 hours'`)
    await judgeSources(config, database)
    await judgeSources(config, database)
    expect(await incidents()).toEqual([['stale', 'github', false, 'did not run']])
    await addTask(tables, source)
    const [ours] = (await claim()).claims as [Claim]
    await feedOf(ours.task_id, company)
    expect(await incidents()).toContainEqual(['stale', 'github', true, 'did not run'])
    await silent()
    await judgeSources(config, database)
    const open = () => tables.query('SELECT FROM scheduler.story WHERE resolved_at IS NULL')
    expect(await open()).toHaveLength(1)
    await setPolicy(source, { paused_at: new Date() })
    await judgeSources(config, database)
    expect(await open()).toEqual([])
    await silent()
    await judgeSources(config, database)
    expect(await open()).toEqual([])
  })
})
