import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { beforeAll, expect, test, vi } from 'vitest'
import { leastDays, retentionClasses } from '../../schemas/retention-classes.ts'
import { storedTables } from '../../schemas/stored-tables.ts'
import { commands } from '../../services/cli/commands.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { createDatabase, type TestDatabase } from '../harness/database.ts'
import { openFirestore, type TestFirestore } from '../harness/firestore.ts'
import { runCommand } from '../harness/run-command.ts'
import { testEnv } from '../harness/stack.ts'

let database: TestDatabase
let firestore: TestFirestore
let folder: string

beforeAll(async () => {
  database = await createDatabase()
  firestore = openFirestore()
  folder = mkdtempSync(join(tmpdir(), 'parma-retention-'))
  onCleanup(() => rmSync(folder, { recursive: true }))
  const env = { ...testEnv(), DATABASE_URL: database.url, FIRESTORE_PROJECT: firestore.project }
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  return () => vi.unstubAllEnvs()
})

const retention = <T>(...args: string[]) => runCommand<T>(commands.retention, ...args)
type Due = { class: string; old: Record<string, number>; months: { month: string; keptBecause: string | null }[] }
type Done = { class: string; deleted: Record<string, number>; files: string[] }

test('every table of the database has a class, and what it says of its rows is SQL', async () => {
  const tables = await database.query<{ name: string }>(`
    SELECT n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'migration'
      AND n.nspname IN ('edge', 'normalizer', 'analyzer', 'notifier', 'scheduler', 'cli')`)
  const ours = storedTables.map(({ name }) => name).filter((name) => !name.startsWith('public.'))
  expect(ours.toSorted()).toEqual(tables.map(({ name }) => name).toSorted())
  const classes = retentionClasses.map(({ name }) => name)
  for (const { name, class: of, isOld, isAbout, blanks = [] } of storedTables) {
    expect(classes).toContain(of)
    const where = [isOld, isAbout].map((sql) =>
      (sql ?? 'true').replaceAll('{cutoff}', 'now()').replaceAll('{company}', '1'),
    )
    const columns = ['1', ...blanks.map((column) => `t.${column}`)].join(', ')
    expect(await database.query(`SELECT ${columns} FROM ${name} t WHERE ${where.join(' AND ')} LIMIT 0`)).toEqual([])
  }
})

test('without a number of days everything is kept for ever; the settings say so', async () => {
  const rows = await retention<{ class: string; days: number | null; setting: string | null }[]>('ls')
  expect(rows.filter(({ days }) => days !== null)).toEqual([expect.objectContaining({ class: 'ledgers', days: 90 })])
  await expect(retention('run', '--yes')).rejects.toThrow('everything is kept for ever')
})

test.each(['0', String(leastDays - 1), '1.5', '-1'])(
  '%s days are refused: a record may still come again, and is answered from what is stored',
  async (days) => {
    vi.stubEnv('RETENTION_VALUES_DAYS', days)
    await expect(retention('run', '--yes').finally(() => vi.stubEnv('RETENTION_VALUES_DAYS', ''))).rejects.toThrow(
      'RETENTION_VALUES_DAYS is wrong',
    )
    vi.stubEnv('LEDGER_DAYS', days)
    await expect(retention('ls').finally(() => vi.stubEnv('LEDGER_DAYS', ''))).rejects.toThrow('LEDGER_DAYS is wrong')
  },
)

/** A payload that took effect so many days ago, with values of these times. */
async function addPayload(daysAgo: number, observed: string[]): Promise<number> {
  const [row] = await database.query<{ event_no: string }>(
    `INSERT INTO normalizer.processed_event
       (event_id, content_hash, processed_at, document, data_source_id, source_name, company_id, received_at, history)
     VALUES ($1, 'hash', now() - $2 * interval '1 day', 'path', 1, 'github', '1', now(), true) RETURNING event_no`,
    [randomUUID(), daysAgo],
  )
  for (const at of observed) {
    await database.query('SELECT normalizer.create_month($1)', [at])
    await database.query(
      `INSERT INTO normalizer.value (event_no, observed_at, number, seq, company_measurement_id, source_measurement_id,
         company_id, data_source_id, type, path, subject_key, text, members)
       VALUES ($1, $2, 0.1, 1, 1, 1, 1, 1, 'float', 'stars', '', E'a "text"\\nof two lines', '{a,b}')`,
      [row?.event_no, at],
    )
  }
  return Number(row?.event_no)
}
const values = () =>
  database.query<{ observed_at: Date }>('SELECT observed_at FROM normalizer.value ORDER BY observed_at')

test('old months of values go when a file with them was read back; one with recent payloads stays', async () => {
  await addPayload(400, ['2020-01-05T00:00:00Z', '2020-01-31T23:59:59.999Z', '2020-03-01T00:00:00Z'])
  await addPayload(1, ['2020-02-01T00:00:00Z', new Date().toISOString()])
  vi.stubEnv('RETENTION_VALUES_DAYS', '400')
  onCleanup(() => void vi.stubEnv('RETENTION_VALUES_DAYS', ''))
  const [due] = await retention<Due[]>('run', '--dry-run')
  const kept = 'holds values stored in the last 60 days, whose records may come again'
  expect(due?.months.filter(({ keptBecause }) => keptBecause !== null)).toEqual([
    expect.objectContaining({ month: '2020-02', keptBecause: kept }),
  ])
  expect(await values()).toHaveLength(5)
  await expect(retention('run', '--yes')).rejects.toThrow(
    'Months of values go (2020-01, 2020-03): give --export, where they are written first.',
  )
  // A run that ended after it had taken a month out is continued.
  await database.query(`SELECT normalizer.retire_month('value_2020_03', 'retired_2020_03_1')`)
  // A late value makes the month anew, beside the one that leaves.
  await addPayload(1, ['2020-03-02T00:00:00Z'])

  const [done] = await retention<Done[]>('run', '--yes', '--export', folder)
  expect(done).toMatchObject({ class: 'values', deleted: { 'normalizer.value': 3 } })
  expect((await values()).map(({ observed_at }) => observed_at.toISOString().slice(0, 7)).slice(0, 2)).toEqual([
    '2020-02',
    '2020-03',
  ])
  expect(await database.query(`SELECT FROM pg_class WHERE relname ~ '^retired_' AND relkind = 'r'`)).toEqual([])
  const [january = ''] = done?.files ?? []
  const lines = gunzipSync(readFileSync(january)).toString().trim().split('\n')
  expect(lines).toHaveLength(2)
  // The way back.
  await addPayload(1, ['2020-01-01T00:00:00Z'])
  await database.query(
    `INSERT INTO normalizer.value SELECT r.* FROM unnest($1::jsonb[]) line, jsonb_populate_record(NULL::normalizer.value, line) r`,
    [lines],
  )
  expect(
    await database.query(`SELECT number, text, members, observed_at::text FROM normalizer.value
      WHERE observed_at = '2020-01-31T23:59:59.999Z'`),
  ).toEqual([expect.objectContaining({ number: 0.1, text: 'a "text"\nof two lines', members: ['a', 'b'] }) as object])
  const audit = await database.query<{ kind: string; subject: string }>(
    `SELECT kind, subject FROM cli.audit WHERE kind LIKE 'cli.retention.%' ORDER BY audit_id`,
  )
  expect(audit.map(({ kind, subject }) => `${kind} ${subject}`)).toEqual([
    'cli.retention.month month:2020-01',
    'cli.retention.month month:2020-03',
    'cli.retention.run class:values',
  ])
})

/** A message that was sent so many days ago, and one that is still to be sent. */
async function addMessages(daysAgo: number): Promise<void> {
  const at = `now() - ${daysAgo} * interval '1 day'`
  for (const state of ['sent', 'pending']) {
    const id = randomUUID()
    await database.query(`WITH
      d AS (INSERT INTO notifier.destination (channel, address) VALUES ('EMAIL', '${id}') RETURNING destination_id),
      n AS (INSERT INTO notifier.notification (notification_id, kind, message, created_at) VALUES ('${id}', 'news', '{}', ${at}) RETURNING 1),
      s AS (INSERT INTO notifier.delivery (notification_id, destination_id, people, state, created_at, settled_at)
        SELECT '${id}', destination_id, '[]', '${state}', ${at}, ${state === 'sent' ? at : 'NULL'} FROM d RETURNING delivery_id),
      i AS (INSERT INTO notifier.item_delivery (item_id, destination_id, company_id, people, assigned_at, notification_id)
        SELECT '${id}', destination_id, 1, '[]', ${at}, '${id}' FROM d)
      INSERT INTO notifier.attempt (delivery_id, claim, action, outcome, ended_at) SELECT delivery_id, 1, 'send', 'sent', ${at} FROM s`)
  }
}
const count = async (table: string) =>
  Number((await database.query<{ count: string }>(`SELECT count(*) FROM ${table}`))[0]?.count)

test('deliveries go with their attempts and messages; what waits stays, however old', async () => {
  await addMessages(100)
  await addMessages(10)
  vi.stubEnv('RETENTION_DELIVERIES_DAYS', '90')
  const tables = ['attempt', 'delivery', 'item_delivery', 'notification'].map((name) => `notifier.${name}`)
  const [due] = await retention<Due[]>('run', '--class', 'deliveries', '--dry-run')
  expect(due?.old).toEqual(Object.fromEntries(tables.map((name) => [name, 1])))
  expect(await Promise.all(tables.map(count))).toEqual([4, 4, 4, 4])
  const [done] = await retention<Done[]>('run', '--class', 'deliveries', '--yes')
  expect(done?.deleted).toEqual(Object.fromEntries(tables.map((name) => [name, 1])))
  expect(await Promise.all(tables.map(count))).toEqual([3, 3, 3, 3])
  vi.stubEnv('RETENTION_DELIVERIES_DAYS', '')
})

test('raw documents go with their parts, by the time of receipt', async () => {
  const documents = firestore.client.collection('parma/mining/datasource/github/raw_data')
  for (const [id, daysAgo] of [['old', 100] as const, ['new', 10] as const]) {
    await documents.doc(id).set({ received_at: new Date(Date.now() - daysAgo * 86_400_000), body_parts: 2 })
    for (const part of ['1', '2']) await documents.doc(`${id}/parts/${part}`).set({ bytes: Buffer.from('{}') })
  }
  await documents.doc('of-the-predecessor').set({ company_id: '1' })
  vi.stubEnv('RETENTION_RAW_DOCUMENTS_DAYS', '90')
  const [done] = await retention<Done[]>('run', '--yes')
  expect(done).toMatchObject({ class: 'raw-documents', deleted: { 'raw documents': 1 } })
  expect((await documents.get()).docs.map(({ id }) => id)).toEqual(['new', 'of-the-predecessor'])
  expect((await documents.doc('old').collection('parts').get()).size).toBe(0)
  expect((await documents.doc('new').collection('parts').get()).size).toBe(2)
  await expect(retention('run')).resolves.toEqual([])
  vi.stubEnv('RETENTION_RAW_DOCUMENTS_DAYS', '')
})

test('values of parma-web from before our first payload stay', async () => {
  await database.query(`INSERT INTO company (name, modified_at) VALUES ('Acme', now())`)
  const [{ id } = { id: 0 }] = await database.query<{ id: number }>(`WITH
    d AS (INSERT INTO data_source (source_name, is_active, frequency, health_status, modified_at)
      VALUES ('old', true, 'DAILY', 'UP', now()) RETURNING id),
    m AS (INSERT INTO source_measurement (source_module_id, type, measurement_name, modified_at)
      SELECT id, 'int', 'stars', now() FROM d RETURNING id)
    INSERT INTO company_source_measurement (source_measurement_id, company_id) SELECT m.id, c.id FROM m, company c
    RETURNING company_measurement_id AS id`)
  const insert = `INSERT INTO measurement_int_value (company_measurement_id, value, "timestamp", created_at, modified_at)
    VALUES ($1, $2, now() - interval '500 days', now() - $3 * interval '1 day', now())`
  await database.query(insert, [id, 1, 490])
  await database.query(insert, [id, 2, 300])
  vi.stubEnv('RETENTION_PUBLIC_VALUES_DAYS', '365')
  await retention('run', '--class', 'public-values', '--yes')
  expect(await database.query('SELECT value FROM measurement_int_value')).toEqual([{ value: 1 }])
  vi.stubEnv('RETENTION_PUBLIC_VALUES_DAYS', '')
})
