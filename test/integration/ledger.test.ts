import { randomUUID } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import { readPipeline } from '../../services/cli/pipeline.ts'
import { readEnv } from '../../services/runtime/process/config.ts'
import { postgresSettings } from '../../services/runtime/process/settings.ts'
import { openPool } from '../../services/runtime/postgres/database.ts'
import { pruneBatch } from '../../services/runtime/postgres/prune-ledger.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { waitFor } from '../harness/wait-for.ts'

const services = ['analyzer', 'notifier', 'scheduler'] as const
type Service = (typeof services)[number]

let installation: Installation
beforeAll(async () => {
  installation = await createInstallation()
})

async function addRow(schema: Service, daysAgo: number, eventId: string = randomUUID()): Promise<string> {
  const [stageColumn, stage] = schema === 'scheduler' ? [', stage', ", 'fed'"] : ['', '']
  await installation.database.query(
    `INSERT INTO ${schema}.processed_event (event_id, content_hash, processed_at${stageColumn})
     VALUES ($1, '', now() - $2 * interval '1 day'${stage})`,
    [eventId, daysAgo],
  )
  return eventId
}

async function addOldRows(schema: Service, count: number): Promise<void> {
  const [stageColumn, stage] = schema === 'scheduler' ? [', stage', ", 'fed'"] : ['', '']
  await installation.database.query(
    `INSERT INTO ${schema}.processed_event (event_id, content_hash, processed_at${stageColumn})
     SELECT gen_random_uuid(), '', now() - interval '80 days'${stage} FROM generate_series(1, $1)`,
    [count],
  )
}

async function idsIn(schema: Service): Promise<string[]> {
  const rows = await installation.database.query<{ event_id: string }>(`SELECT event_id FROM ${schema}.processed_event`)
  return rows.map(({ event_id }) => event_id).sort()
}

test.each(services)(
  '%s forgets what is older than its ledger keeps, over more than one batch, and nothing else',
  async (name) => {
    const young = [await addRow(name, 0), await addRow(name, 30), await addRow(name, 69)]
    for (const days of [71, 90, 100, 1000, 4000]) await addRow(name, days)
    await addOldRows(name, pruneBatch)
    await installation.start(name, { LEDGER_DAYS: '70' })
    await waitFor('the old rows to go', async () => (await idsIn(name)).length <= young.length)
    expect(await idsIn(name)).toEqual(young.sort())
    const indexes = await installation.database.query(
      `SELECT indexname FROM pg_indexes WHERE schemaname = '${name}' AND indexdef LIKE '%processed_event USING btree (processed_at)%'`,
    )
    expect(indexes).toHaveLength(1)
  },
)

test('what was forgotten is missing from no count, and news are known for ever', async () => {
  const { database } = installation
  const pool = await openPool(readEnv(postgresSettings, { DATABASE_URL: database.url }))
  onCleanup(() => pool.end())
  // An event that the normalizer does not know counts as fed by every source.
  await database.query('DELETE FROM scheduler.processed_event')
  const addPayload = (eventId: string, daysAgo: number) =>
    database.query(
      `INSERT INTO normalizer.processed_event (event_id, content_hash, document, data_source_id, source_name, company_id, received_at, history)
       VALUES ($1, '', 'd', 1, 'counted', '1', now() - $2 * interval '1 day', false)`,
      [eventId, daysAgo],
    )
  const [old, recent] = [randomUUID(), randomUUID()]
  await addPayload(old, 61)
  await addPayload(recent, 59)
  await addRow('scheduler', 58.9, recent)
  await addRow('analyzer', 58.8, recent)
  expect(await readPipeline(pool, 'counted')).toMatchObject({ fed: 1, normalized: 1, refused: 0, judged: 1 })

  await addPayload(randomUUID(), 58)
  await addRow('scheduler', 0)
  expect(await readPipeline(pool, 'counted')).toMatchObject({ fed: 3, fed_in_runs: 2, normalized: 2 })
  expect(await installation.parma('status').catch(String)).toContain('3 (2 in runs)')

  await database.query(
    `INSERT INTO analyzer.news (news_id, event_id, replay_id, event_no, public_news_id, kind, severity, company_id, data_source_id,
       source_measurement_id, company_measurement_id, subject_key, path, seq, map_version, title, message, observed_at, group_index,
       group_size, dedupe_key, facts, silent, created_at)
     VALUES ($1, $2, '', 1, 1, 'change', 'info', 1, 1, 1, 1, '', 'p', 0, 1, 't', 'm', now(), 0, 1, 'd', '{}', false, now() - interval '61 days')`,
    [randomUUID(), old],
  )
  const known = await database.query('SELECT stage, reason FROM analyzer.event_status WHERE event_id = $1', [old])
  expect(known).toEqual([{ stage: 'judged', reason: '1 news item, 0 silent' }])
})
