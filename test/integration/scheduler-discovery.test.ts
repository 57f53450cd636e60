import { describe, expect, test } from 'vitest'
import { createLog } from '#runtime/process/log.ts'
import { discoverMissing } from '../../services/scheduler/discovery.ts'
import { readCompanies, storeDiscovery } from '../../services/scheduler/identifiers.ts'
import type { Module } from '../../services/scheduler/module-client.ts'
import type { Discovery } from '../../services/scheduler/read-discovery.ts'
import { addCompany, addSource } from '../harness/scheduler/setup.ts'
import { config, database, tables } from '../harness/scheduler/world.ts'

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
    await storeDiscovery(config, database, source, await company(), found('old'))
    await storeDiscovery(config, database, source, await company(), found('new', Date.now() - 1000))
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
    await storeDiscovery(config, database, source, await company(), found('old'))
    const waits = () =>
      tables.query(
        `SELECT verdict, failures, round(extract(epoch FROM retry_at - tried_at))::int AS seconds FROM scheduler.discovery`,
      )
    const failed = { verdict: 'failed', reason: '/discover answered 500' } as const
    await storeDiscovery(config, database, source, await company(), failed)
    await storeDiscovery(config, database, source, await company(), failed)
    expect(await waits()).toEqual([{ verdict: 'failed', failures: 2, seconds: 120 }])
    expect((await company()).miss).toEqual({ ...failed, failures: 2, waiting: true })
    expect(await stored()).toHaveLength(2)
    await storeDiscovery(config, database, source, await company(), { verdict: 'empty', reason: '' })
    expect(await waits()).toEqual([{ verdict: 'empty', failures: 1, seconds: 86_400 }])
    await storeDiscovery(config, database, source, await company(), found('new'))
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
    await storeDiscovery(config, database, source, gone, found('x'))
    expect(await stored()).toEqual([])
  })
})
