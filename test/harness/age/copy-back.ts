import type pg from 'pg'

/** What the system stores itself gets higher ids than these; the weeks before it get lower ones. */
const room = { events: 1_000_000, values: 10_000_000 }
const publicTypes = ['int', 'text'] as const
/** An item of each list takes the place of another one after so many weeks, which is gone for good then. */
const itemLifeWeeks = 52
/** Ledgers hold no more. */
const ledgerWeeks = 4

/** Before anything is stored: leaves ids for the weeks before. */
export async function leaveRoom(pool: pg.Pool): Promise<void> {
  await pool.query(
    `ALTER TABLE normalizer.processed_event ALTER COLUMN event_no RESTART WITH ${room.events + 1};` +
      publicTypes
        .map((type) => `SELECT setval(pg_get_serial_sequence('measurement_${type}_value', 'id'), ${room.values});`)
        .join(''),
  )
}

/**
 * Stores for each of the weeks before what the system has stored of its first payloads, one of each company and source:
 * the ledger, the values in their months, and their rows in parma-web's tables. Numbers were smaller then.
 */
export async function copyBack(pool: pg.Pool, weeks: number): Promise<void> {
  const before = weeks - 1
  const stored = `e.event_no > ${room.events}`
  const { rows } = await pool.query<{ events: number; int: number; text: number }>(
    `SELECT max(event_no)::int - ${room.events} AS events, ${publicTypes
      .map((type) => `(SELECT max(public_id) FROM normalizer.value WHERE type = '${type}') - ${room.values} AS ${type}`)
      .join(', ')}
     FROM normalizer.processed_event`,
  )
  const { events, ...ids } = rows[0]!
  const ago = (column: string) => `${column} - week * interval '7 days'`
  await pool.query(`
    SELECT normalizer.create_month(now() - n * interval '1 day') FROM generate_series(0, ${weeks * 7 + 28}, 28) n;
    INSERT INTO normalizer.processed_event (event_no, event_id, content_hash, processed_at, document, data_source_id,
      source_name, company_id, task_id, received_at, history, observed_at, map_version, subject_key, stored, nulls,
      unmapped, refused, list_revision, empty_lists)
    OVERRIDING SYSTEM VALUE
    SELECT event_no - week * ${events}, gen_random_uuid(), content_hash, ${ago('processed_at')}, document, data_source_id,
      source_name, company_id, (${before} - week) * 100 + data_source_id, ${ago('received_at')}, history,
      ${ago('observed_at')}, map_version, subject_key, stored, nulls, unmapped, refused, list_revision, empty_lists
    FROM normalizer.processed_event e, generate_series(1, ${before}) week WHERE ${stored} ORDER BY 1;
    INSERT INTO analyzer.processed_event (event_id, content_hash, processed_at)
    SELECT event_id, event_no::text, processed_at FROM normalizer.processed_event e
    WHERE NOT ${stored} AND processed_at > now() - interval '${ledgerWeeks * 7} days';
    INSERT INTO normalizer.path_day SELECT data_source_id, path, day - week * 7, leaves, nulls
    FROM normalizer.path_day, generate_series(1, ${before}) week;
    DROP INDEX normalizer.value_event_no, normalizer.value_series;
    INSERT INTO normalizer.value (event_no, observed_at, number, seq, company_measurement_id, source_measurement_id,
      company_id, data_source_id, type, path, subject_key, item_key, item_label, text, members, public_id)
    SELECT e.event_no - week * ${events}, ${ago('e.observed_at')},
      floor(e.number * (1 - 0.003 * week)) + hashint8(e.event_no * 1000 + seq + week * 7919) % 20,
      seq, company_measurement_id, source_measurement_id, company_id, data_source_id, type, path, subject_key,
      item_key || CASE WHEN item_key = 'repo-0' AND week >= ${itemLifeWeeks} THEN '-before-' || week / ${itemLifeWeeks} ELSE '' END,
      item_label, text, members, public_id - week * CASE type WHEN 'int' THEN ${ids.int} ELSE ${ids.text} END
    FROM normalizer.value e, generate_series(1, ${before}) week WHERE ${stored} ORDER BY 1;
    CREATE INDEX value_event_no ON normalizer.value (event_no);
    CREATE INDEX value_series ON normalizer.value (company_measurement_id, observed_at)`)
  // Foreign keys are not checked, which would take longer than all else.
  for (const [type, value] of [
    ['int', 'number'],
    ['text', 'text'],
  ])
    await pool.query(`
      BEGIN; SET LOCAL session_replication_role = replica;
      INSERT INTO measurement_${type}_value (id, company_measurement_id, value, "timestamp", created_at, modified_at)
      SELECT public_id, company_measurement_id, ${value}, observed_at AT TIME ZONE 'UTC', observed_at, observed_at
      FROM normalizer.value e WHERE type = '${type}' AND NOT ${stored} ORDER BY public_id;
      COMMIT`)
}
