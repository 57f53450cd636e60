import pg from 'pg'
import type { Bench } from './measure.ts'
import { formatNumber } from './statistics.ts'

/** A fund of 300 companies with 9 sources of 40 numbers each, over 150 weeks: 16.2 million values. */
export const fund = { companies: 300, sources: 9, numbers: 40, weeks: 150 }
export const fundValues = fund.companies * fund.sources * fund.numbers * fund.weeks
export const newsItems = 100_000
export const largeBucket = 10_000

/** Ids of what is stored. Ann owns the buckets of the fund and of many other companies, and follows the fund. */
export type Facts = { ann: number; fundBucket: number; largeBucket: number; companies: number[] }

/** Stores them once for each stack, as the services would. */
export async function openFund({ serviceEnv, say }: Bench): Promise<Facts> {
  const pool = new pg.Pool({ connectionString: serviceEnv()['DATABASE_URL'] })
  try {
    const known = await readFacts(pool)
    if (known) return known
    say(`${formatNumber(fundValues)} values of ${fund.companies} companies, which takes minutes to store`)
    await fillFund(pool)
    return (await readFacts(pool))!
  } finally {
    await pool.end()
  }
}

const buckets = { fund: '^Fund', large: '^(Fund|Other)' }

/** Null: they are not stored yet. */
async function readFacts(pool: pg.Pool): Promise<Facts | null> {
  const people = await pool.query<{ id: number }>(`SELECT id FROM "user" WHERE auth_id = 'bench-read'`)
  if (people.rows.length === 0) return null
  const companies = await pool.query<{ id: number }>(
    `SELECT id FROM company WHERE name LIKE 'Fund company %' ORDER BY id`,
  )
  const idOf = async (title: string) => {
    const { rows } = await pool.query<{ id: number }>('SELECT id FROM bucket WHERE title = $1', [title])
    return rows[0]!.id
  }
  return {
    ...{ ann: people.rows[0]!.id, companies: companies.rows.map(({ id }) => id) },
    ...{ fundBucket: await idOf(buckets.fund), largeBucket: await idOf(buckets.large) },
  }
}

/** When a source observes in a week. */
const observedAt = (week: string, source: string) =>
  `'2024-01-10Z'::timestamptz + ${week} * interval '7 days' + ${source} * interval '1 hour'`

async function fillFund(pool: pg.Pool): Promise<void> {
  const { companies, sources, numbers, weeks } = fund
  await pool.query(`
    INSERT INTO company (name, modified_at) SELECT 'Fund company ' || g, now() FROM generate_series(1, ${companies}) g;
    INSERT INTO data_source (source_name, is_active, frequency, health_status, modified_at)
    SELECT 'bench-read-' || g, true, 'WEEKLY', 'UP', now() FROM generate_series(1, ${sources}) g;
    INSERT INTO source_measurement (source_module_id, type, measurement_name, modified_at)
    SELECT d.id, 'int', 'number ' || g, now() FROM generate_series(1, ${numbers}) g, data_source d
    WHERE d.source_name LIKE 'bench-read-%';
    INSERT INTO company_source_measurement (source_measurement_id, company_id)
    SELECT m.id, c.id FROM company c, source_measurement m
    WHERE c.name LIKE 'Fund company %' AND m.measurement_name LIKE 'number %' ORDER BY c.id, m.id;
    INSERT INTO analyzer.measurement_meaning
    SELECT id, measurement_name, (ARRAY['good', 'bad', 'neither'])[1 + id % 3], id % 10 / 10.0 FROM source_measurement;
    INSERT INTO analyzer.series_state (company_measurement_id, subject_key, item_key, event_no, observed_at, state)
    SELECT company_measurement_id, '', '', 1, ${observedAt(`${weeks - 1}`, 'm.source_module_id')},
      '{"last": {"kind": "number", "number": 1}, "said": {"points": 149, "kind": "none", "score": 0.1, "reason": ""}}'
    FROM company_source_measurement JOIN source_measurement m ON m.id = source_measurement_id;
    INSERT INTO analyzer.forecast (company_measurement_id, subject_key, item_key, steps, made_at, for_time, newest_event_no,
      value, low, high, model)
    SELECT company_measurement_id, '', '', step, now(), now() + step * interval '7 days', 1, 1500, 1400, 1600, 'naive'
    FROM company_source_measurement, generate_series(1, 4) step;
    INSERT INTO analyzer.feed (data_source_id, company_id, observed_at, live, rhythm)
    SELECT l.data_source_id, l.company_id, now(), true, '{"step": 604800000}' FROM company_data_source l
    JOIN company c ON c.id = l.company_id WHERE c.name LIKE 'Fund company %';
    SELECT normalizer.create_month(m) FROM generate_series('2024-01-01Z'::timestamptz, '2026-12-01Z', '1 month') m;
    INSERT INTO normalizer.processed_event (event_id, content_hash, document, data_source_id, source_name, company_id,
      received_at, history, observed_at, map_version, stored)
    SELECT gen_random_uuid(), '', '', d.id, d.source_name, c.id, now(), false,
      ${observedAt('week', 'd.id')}, 1, ${numbers}
    FROM generate_series(0, ${weeks - 1}) week, data_source d, company c
    WHERE d.source_name LIKE 'bench-read-%' AND c.name LIKE 'Fund company %' ORDER BY week, d.id, c.id`)
  await fillValues(pool)
  await pool.query(`
    INSERT INTO analyzer.news (news_id, event_id, replay_id, event_no, kind, severity, company_id, data_source_id,
      source_measurement_id, company_measurement_id, subject_key, path, seq, map_version, title, message, observed_at,
      group_index, group_size, dedupe_key, facts, silent, importance)
    SELECT gen_random_uuid(), gen_random_uuid(), '', n, 'changed', (ARRAY['info', 'warning'])[1 + (n % 10 = 0)::int],
      s.company_id, m.source_module_id, m.id, s.company_measurement_id, '', '', 0, 1, 'Title ' || n, 'Message ' || n,
      '2024-01-10Z'::timestamptz + random() * interval '1000 days', 0, 1, '', '{}', n % 3 = 0, random()
    FROM (SELECT *, row_number() OVER (ORDER BY random()) AS n FROM company_source_measurement) s
    JOIN source_measurement m ON m.id = s.source_measurement_id WHERE n <= ${newsItems};
    INSERT INTO company (name, modified_at)
    SELECT 'Other company ' || g, now() FROM generate_series(1, ${largeBucket - companies}) g;
    INSERT INTO "user" (auth_id, name, modified_at) VALUES ('bench-read', 'Ann', now())`)
  for (const names of Object.values(buckets)) {
    await pool.query(
      `INSERT INTO bucket (title, owner_id, modified_at) SELECT $1, id, now() FROM "user" WHERE auth_id = 'bench-read'`,
      [names],
    )
    await pool.query(
      `INSERT INTO company_bucket_membership (company_id, bucket_id, modified_at)
       SELECT c.id, b.id, now() FROM company c, bucket b WHERE b.title = $1 AND c.name ~ $1`,
      [names],
    )
  }
  await pool.query(`
    INSERT INTO company_subscription (user_id, company_id, modified_at)
    SELECT u.id, c.id, now() FROM "user" u, company c WHERE u.auth_id = 'bench-read' AND c.name LIKE 'Fund company %'`)
  await pool.query('VACUUM ANALYZE')
}

/** The indexes are made afterwards, which is faster. */
async function fillValues(pool: pg.Pool): Promise<void> {
  await pool.query('DROP INDEX normalizer.value_event_no, normalizer.value_series')
  await pool.query(`
    INSERT INTO normalizer.value (event_no, observed_at, number, seq, company_measurement_id, source_measurement_id,
      company_id, data_source_id, type, path, subject_key)
    SELECT p.event_no, p.observed_at,
      floor(1000 + p.event_no / 2700 * (s.company_measurement_id % 17) + random() * 50), m.id, s.company_measurement_id,
      m.id, s.company_id, p.data_source_id, 'int', m.measurement_name, ''
    FROM normalizer.processed_event p
    JOIN source_measurement m ON m.source_module_id = p.data_source_id
    JOIN company_source_measurement s ON s.source_measurement_id = m.id AND s.company_id = p.company_id::int
    WHERE p.source_name LIKE 'bench-read-%'`)
  await pool.query('CREATE INDEX value_event_no ON normalizer.value (event_no)')
  await pool.query('CREATE INDEX value_series ON normalizer.value (company_measurement_id, observed_at)')
}
