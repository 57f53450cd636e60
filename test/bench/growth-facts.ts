import type pg from 'pg'

/** A fund of 300 companies with 9 sources of 40 numbers each, over 150 weeks: 16.2 million values. */
export const fund = { companies: 300, sources: 9, numbers: 40, weeks: 150 }
export const newsItems = 100_000
export const largeBucket = 10_000

/** Stores them as the services would, and returns the ids of the buckets with the fund and with many other companies. */
export async function fillFund(pool: pg.Pool): Promise<{ fundBucket: number; largeBucket: number }> {
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
    SELECT company_measurement_id, '', '', 1, now(), '{"last": {"kind": "number", "number": 1}}'
    FROM company_source_measurement;
    SELECT normalizer.create_month(m) FROM generate_series('2024-01-01Z'::timestamptz, '2026-12-01Z', '1 month') m;
    INSERT INTO normalizer.processed_event (event_id, content_hash, document, data_source_id, source_name, company_id,
      received_at, history, observed_at, map_version, stored)
    SELECT gen_random_uuid(), '', '', d.id, d.source_name, c.id, now(), false,
      '2024-01-10Z'::timestamptz + week * interval '7 days' + d.id * interval '1 hour', 1, ${numbers}
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
  const addBucket = async (names: string) => {
    const { rows } = await pool.query<{ id: number }>(
      `INSERT INTO bucket (title, owner_id, modified_at) SELECT $1, id, now() FROM "user" WHERE auth_id = 'bench-read'
       RETURNING id`,
      [names],
    )
    await pool.query(
      `INSERT INTO company_bucket_membership (company_id, bucket_id, modified_at)
       SELECT id, $1, now() FROM company WHERE name ~ $2`,
      [rows[0]!.id, names],
    )
    return rows[0]!.id
  }
  const buckets = { fundBucket: await addBucket('^Fund'), largeBucket: await addBucket('^(Fund|Other)') }
  await pool.query('ANALYZE')
  return buckets
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
