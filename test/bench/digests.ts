import pg from 'pg'
import { memoryTarget } from '../../deploy/service-values.ts'
import { waitFor } from '../harness/wait-for.ts'
import type { Measure } from './measure.ts'
import { runService } from './run-service.ts'
import { startSinks } from './start-sinks.ts'
import { formatNumber } from './statistics.ts'
import { readPeak } from './usage.ts'

const readers = 200
const companies = 300
const companiesEach = 300
const newsEach = 3
const days = 56
const deadlineMs = 300_000

/** Digests with pictures of 200 people who follow 300 companies each, from when they are due to the mails in the SMTP sink. */
export const digests: Measure = async (bench) => {
  const env = bench.serviceEnv()
  await using scope = new AsyncDisposableStack()
  const pool = new pg.Pool({ connectionString: env['DATABASE_URL'] })
  scope.defer(() => pool.end())
  const { smtpPort } = await startSinks(scope)
  const SMTP_URL = `smtp://127.0.0.1:${smtpPort}`
  bench.say(`digests: ${readers} people, ${companies} companies with ${newsEach} news each, a value a day`)
  await fill(pool)
  await using service = await runService('notifier', { ...env, SMTP_URL, DIGEST_POLL_MS: '100' })
  const startedAt = performance.now()
  await pool.query(
    `INSERT INTO notifier.digest_policy (user_id, rhythm, hour, weekday, zone, changed_at)
     SELECT id, 'daily', extract(hour FROM now() AT TIME ZONE 'UTC'), 1, 'UTC', now() - interval '1 day'
     FROM "user" WHERE auth_id LIKE 'bench-digests-%'`,
  )
  const seconds = async (what: string, query: string) => {
    await waitForCount(pool, what, query, readers)
    return (performance.now() - startedAt) / 1000
  }
  const made = await seconds('digests to be made', `SELECT count(*) FROM notifier.digest WHERE state = 'made'`)
  const sent = await seconds(
    'mails to be sent',
    `SELECT count(*) FROM notifier.delivery JOIN notifier.notification USING (notification_id) WHERE kind = 'digest' AND state = 'sent'`,
  )
  const { rows } = await pool.query<{ count: string }>('SELECT count(*) FROM notifier.digest_item')
  const items = Number(rows[0]?.count)
  if (items !== readers * companiesEach * newsEach) throw new Error(`${items} news were told`)
  const detail = `${readers} people, ${companiesEach} companies each, ${formatNumber(items)} news in all`
  return [
    { what: 'a digest run, made', value: made, unit: 's', detail, below: null },
    { what: 'a digest run, sent', value: sent, unit: 's', detail: 'to the SMTP sink', below: 180 },
    {
      what: '  memory',
      value: readPeak(service.pid),
      unit: 'MiB',
      detail: 'peak RSS, heap of its pod',
      below: memoryTarget('notifier'),
    },
  ]
}

async function fill(pool: pg.Pool): Promise<void> {
  const run = (text: string) => pool.query(text)
  await run(
    `INSERT INTO company (name, modified_at) SELECT 'Bench Digest ' || n, now() FROM generate_series(1, ${companies}) n`,
  )
  await run(`INSERT INTO data_source (source_name, is_active, frequency, health_status, modified_at)
    VALUES ('bench-digests', true, 'DAILY', 'UP', now())`)
  await run(`INSERT INTO source_measurement (source_module_id, type, measurement_name, modified_at)
    SELECT id, 'int', 'stars', now() FROM data_source WHERE source_name = 'bench-digests'`)
  await run(`INSERT INTO company_source_measurement (source_measurement_id, company_id)
    SELECT m.id, c.id FROM company c, source_measurement m JOIN data_source s ON s.id = m.source_module_id
    WHERE s.source_name = 'bench-digests' AND c.name LIKE 'Bench Digest %'`)
  await run(`SELECT normalizer.create_month(now() - make_interval(months => n)) FROM generate_series(0, 3) n`)
  await run(`INSERT INTO normalizer.value (event_no, observed_at, number, seq, company_measurement_id, source_measurement_id,
      company_id, data_source_id, type, path, subject_key)
    SELECT -n, now() - n * interval '1 day', 1000 + (n * s.company_measurement_id) % 977, 1, s.company_measurement_id,
      s.source_measurement_id, s.company_id, m.source_module_id, 'int', 'stars', ''
    FROM company_source_measurement s JOIN source_measurement m ON m.id = s.source_measurement_id
    JOIN data_source d ON d.id = m.source_module_id AND d.source_name = 'bench-digests', generate_series(1, ${days}) n`)
  await run(`INSERT INTO notifier.news_group (group_id, company_id, data_source_id, size, seen)
    SELECT gen_random_uuid(), id, 1, ${newsEach}, ${newsEach} FROM company WHERE name LIKE 'Bench Digest %'`)
  await run(`INSERT INTO notifier.news_item (news_id, group_id, group_index, severity, kind, title, message, trigger_factor,
      previous, current, source_measurement_id, observed_at, dedupe_key)
    SELECT gen_random_uuid(), g.group_id, n, 'info', 'change', 'Stars rose again',
      'Stars of a company in this bench rose from 1,000 to 1,500 since yesterday, by half.', 50, '1000', '1500',
      s.source_measurement_id, now(), n::text
    FROM notifier.news_group g JOIN company_source_measurement s USING (company_id), generate_series(1, ${newsEach}) n`)
  await run(`INSERT INTO "user" (auth_id, name, modified_at)
    SELECT 'bench-digests-' || n, 'Reader ' || n, now() FROM generate_series(1, ${readers}) n`)
  await run(`INSERT INTO notification_channel (channel_type, destination, modified_at)
    SELECT 'EMAIL', auth_id || '@example.com', now() FROM "user" WHERE auth_id LIKE 'bench-digests-%'`)
  await run(`INSERT INTO notification_subscription (user_id, channel_id, channel_purpose, modified_at)
    SELECT u.id, c.id, 'REPORT', now() FROM "user" u JOIN notification_channel c ON c.destination = u.auth_id || '@example.com'`)
  await run(`INSERT INTO company_subscription (user_id, company_id, modified_at)
    SELECT u.id, c.id, now()
    FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM "user" WHERE auth_id LIKE 'bench-digests-%') u
    CROSS JOIN generate_series(0, ${companiesEach - 1}) k
    JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM company WHERE name LIKE 'Bench Digest %') c
      ON c.n = (u.n * 7 + k * 37) % ${companies}`)
  await run(`UPDATE notifier.digest_start SET since = now() - interval '1 year'`)
  await run('ANALYZE')
}

async function waitForCount(pool: pg.Pool, what: string, query: string, count: number): Promise<void> {
  const read = async () => Number((await pool.query<{ count: string }>(query)).rows[0]?.count)
  await waitFor(`${count} ${what}`, async () => (await read()) >= count, deadlineMs)
}
