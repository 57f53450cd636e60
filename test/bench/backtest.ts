import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { runParma } from '../../deploy/local/parma.ts'
import type { Measure, Result } from './measure.ts'
import { formatNumber } from './statistics.ts'

const companies = 170
const weeks = 155
const numbers = 38
const values = companies * weeks * numbers

/** `parma backtest` of a rule and of the defaults, and `parma rejudge`, over a million values of weekly payloads. */
export const backtest: Measure = async (bench) => {
  const env = bench.serviceEnv()
  await using scope = new AsyncDisposableStack()
  const pool = new pg.Pool({ connectionString: env['DATABASE_URL'] })
  scope.defer(() => pool.end())
  const folder = mkdtempSync(join(tmpdir(), 'parma-bench-'))
  scope.defer(() => rmSync(folder, { recursive: true }))
  bench.say(`backtest: ${formatNumber(values)} values of ${companies} companies`)
  await fill(pool)
  const rule = join(folder, 'rule.json')
  writeFileSync(rule, JSON.stringify({ name: 'growth', when: { kind: 'percent', by: 10 } }))
  const output = ['--output', join(folder, 'news.ndjson')]

  const measure = async (what: string, below: number | null, ...args: string[]): Promise<Result> => {
    bench.say(what)
    const startedAt = performance.now()
    const { news } = JSON.parse(await runParma(env, ...args, '--json')) as { news: number }
    const seconds = (performance.now() - startedAt) / 1000
    const detail = `${formatNumber(values)} values, ${formatNumber(values / seconds)} a second, ${formatNumber(news)} news items`
    return { what, value: seconds, unit: 's', detail, below }
  }
  return [
    await measure('backtest of a rule', 10, 'backtest', '--rule', rule, ...output),
    await measure('backtest of the detectors', null, 'backtest', '--detectors', ...output),
    await measure('rejudge', null, 'rejudge'),
  ]
}

/** Stars and forks of 19 repositories, which grow at random; one value in a thousand jumps. */
async function fill(pool: pg.Pool): Promise<void> {
  const one = async (text: string, parameters: unknown[] = []) =>
    ((await pool.query<{ id: number }>(text, parameters)).rows[0] as { id: number }).id
  const source = await one(`
    INSERT INTO data_source (source_name, is_active, frequency, health_status, modified_at)
    VALUES ('bench-backtest', true, 'WEEKLY', 'UP', now()) RETURNING id`)
  await pool.query(
    `INSERT INTO company (name, modified_at) SELECT 'bench backtest ' || g, now() FROM generate_series(1, $1::int) g`,
    [companies],
  )
  await pool.query(
    `INSERT INTO source_measurement (source_module_id, type, measurement_name, modified_at)
     VALUES ($1, 'int', 'stars', now()), ($1, 'int', 'forks', now())`,
    [source],
  )
  await pool.query(
    `INSERT INTO company_source_measurement (source_measurement_id, company_id)
     SELECT m.id, c.id FROM source_measurement m, company c
     WHERE m.source_module_id = $1 AND c.name LIKE 'bench backtest %'`,
    [source],
  )
  await pool.query(`
    SELECT normalizer.create_month(m) FROM generate_series('2023-06-01Z'::timestamptz, '2026-06-01Z', '1 month') m`)
  await pool.query(
    `INSERT INTO normalizer.processed_event (event_id, content_hash, document, data_source_id, source_name, company_id,
       processed_at, received_at, history, observed_at, map_version, stored)
     SELECT gen_random_uuid(), '', '', $1, 'bench-backtest', c.id, now() - interval '1 year', now(), true,
       '2023-06-01Z'::timestamptz + week * interval '7 days', 1, $2::int
     FROM generate_series(0, $3::int - 1) week, company c WHERE c.name LIKE 'bench backtest %' ORDER BY week, c.id`,
    [source, numbers, weeks],
  )
  await pool.query(
    `INSERT INTO normalizer.value (event_no, observed_at, number, seq, company_measurement_id, source_measurement_id,
       company_id, data_source_id, type, path, subject_key, item_key, item_label)
     SELECT p.event_no, p.observed_at, floor(1000 * n + (p.event_no / $3::int) * (5 + n) + random() * (5 + n)
         + CASE WHEN random() < 0.001 THEN 500 * n ELSE 0 END), n, s.company_measurement_id, m.id, s.company_id, $1,
       'int', 'repos[].' || m.measurement_name, '', 'https://github.example/org/repo-' || n / 2, 'repo-' || n / 2
     FROM normalizer.processed_event p
     CROSS JOIN generate_series(0, $2::int - 1) n
     JOIN source_measurement m
       ON m.source_module_id = $1 AND m.measurement_name = CASE n % 2 WHEN 0 THEN 'stars' ELSE 'forks' END
     JOIN company_source_measurement s ON s.source_measurement_id = m.id AND s.company_id = p.company_id::int
     WHERE p.data_source_id = $1`,
    [source, numbers, companies],
  )
  await pool.query('ANALYZE normalizer.value, normalizer.processed_event')
}
