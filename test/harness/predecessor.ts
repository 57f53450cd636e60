import type { TestDatabase } from './database.ts'
import type { ModuleMap } from './module.ts'

export type Predecessor = {
  companies: number
  /** The active source, its module, and its map: measurements get their ids in it. */
  source: string
  endpoint: string
  map: ModuleMap
  /** Who follows some of the companies. */
  address: string
}

const weeks = 20
type Entry = ModuleMap['Mappings'][number]

/**
 * Rows as the predecessor and parma-web left them, in a database with parma-web's tables alone: a source after two
 * handshakes, each of which made all measurements again; a series of each measurement and company; for all items of a list
 * one series with as many values of the same time; tasks of all states. Returns the map of the last handshake.
 */
export async function addPredecessor(database: TestDatabase, what: Predecessor): Promise<ModuleMap> {
  const { companies, source, endpoint, map, address } = what
  await database.query(`
    INSERT INTO "user" (auth_id, name, role, modified_at) VALUES ('ann', 'Ann', 'USER', now()), ('bob', 'Bob', 'ADMIN', now());
    INSERT INTO company (name, description, added_by, modified_at)
      SELECT 'org-' || n - 1, 'A company', 1 + n % 2, now() - interval '1 year' FROM generate_series(1, ${companies}) n;
    INSERT INTO data_source (source_name, is_active, frequency, health_status, invocation_endpoint, modified_at) VALUES
      ('${source}', true, 'WEEKLY', 'UP', '${endpoint}', now()), ('clearbit', false, 'MONTHLY', 'DOWN', '', now())`)
  await addMeasurements(database, map.Mappings)
  const Mappings = await addMeasurements(database, map.Mappings)
  await addValues(database)
  await addPeople(database, address)
  await database.query(`
    INSERT INTO company_data_source_identifier (company_data_source_id, identifier_type, property, value, validity)
      SELECT l.id, 'AUTOMATICALLY_DISCOVERED', 'handles', c.name, now() + interval '100 days'
      FROM company_data_source l JOIN company c ON c.id = l.company_id WHERE l.data_source_id = 1 ORDER BY l.id;
    INSERT INTO scheduled_task (data_source_id, schedule_type, scheduled_at, started_at, ended_at, status, attempts, result_summary)
      SELECT 1, 'REGULAR', now() - n * interval '7 days', now() - n * interval '7 days', now() - n * interval '7 days',
        CASE WHEN n % 9 = 0 THEN 'FAILED' ELSE 'SUCCESS' END::task_status, 1, '{}' FROM generate_series(2, ${weeks}) n;
    INSERT INTO scheduled_task (data_source_id, schedule_type, scheduled_at, started_at, status, attempts)
      VALUES (1, 'REGULAR', now() - interval '7 days', now() - interval '7 days', 'PROCESSING', 1)`)
  return { ...map, Mappings }
}

async function addMeasurements(database: TestDatabase, entries: Entry[], parent: number | null = null) {
  const added: Entry[] = []
  for (const { NestedMappings, ...entry } of entries) {
    const [row] = await database.query<{ id: number }>(
      `INSERT INTO source_measurement (source_module_id, parent_measurement_id, measurement_name, type, modified_at)
       VALUES (1, $1, $2, $3, now()) RETURNING id`,
      [parent, entry.MeasurementName, entry.DataType],
    )
    const source_measurement_id = row!.id
    const nested = NestedMappings && {
      NestedMappings: await addMeasurements(database, NestedMappings, source_measurement_id),
    }
    added.push({ ...entry, source_measurement_id, ...nested })
  }
  return added
}

const sample: Record<string, string> = {
  ...{ int: '1000 + week', float: '0.5 * week', date: `now() - week * interval '1 day'` },
  ...{ text: `'text'`, paragraph: `'a paragraph'`, link: `'https://example.com'` },
}
/** The predecessor stored a value of each item of a list in the one series of its measurement. */
const items = 4

async function addValues(database: TestDatabase): Promise<void> {
  await database.query(`INSERT INTO company_source_measurement (source_measurement_id, company_id)
    SELECT m.id, c.id FROM company c, source_measurement m ORDER BY c.id, m.id`)
  for (const [type, value] of Object.entries(sample))
    await database.query(`
      INSERT INTO measurement_${type}_value (company_measurement_id, value, "timestamp", created_at, modified_at)
      SELECT s.company_measurement_id, ${value}, at, at, at
      FROM generate_series(1, ${weeks}) week, LATERAL (SELECT now() - week * interval '7 days' AS at) t,
        company_source_measurement s JOIN source_measurement m ON m.id = s.source_measurement_id,
        generate_series(1, CASE WHEN m.parent_measurement_id IS NULL THEN 1 ELSE ${items} END)
      WHERE m.type = '${type}' ORDER BY week DESC`)
}

async function addPeople(database: TestDatabase, address: string): Promise<void> {
  await database.query(`
    INSERT INTO notification_channel (channel_type, destination, modified_at) VALUES ('EMAIL', '${address}', now());
    INSERT INTO notification_subscription (user_id, channel_id, channel_purpose, modified_at) VALUES (1, 1, 'NOTIFICATION', now());
    INSERT INTO company_subscription (user_id, company_id, modified_at)
      SELECT 1 + n % 2, n, now() - interval '1 year' FROM generate_series(1, 20) n;
    INSERT INTO news_subscription (user_id, company_id, modified_at) VALUES (1, 1, now() - interval '1 year');
    INSERT INTO bucket (title, owner_id, modified_at) VALUES ('Portfolio', 1, now());
    INSERT INTO bucket_access (bucket_id, invitee_id, permission, modified_at) VALUES (1, 2, 'VIEWER', now());
    INSERT INTO company_bucket_membership (company_id, bucket_id, modified_at) SELECT n, 1, now() FROM generate_series(1, 50) n;
    INSERT INTO company_attachment (company_id, user_id, file_type, file_url, title, modified_at)
      VALUES (1, 1, 'PDF', 'https://example.com/deck.pdf', 'Deck', now());
    INSERT INTO user_important_measurement_preference (data_source_id, user_id, important_field_name, modified_at)
      VALUES (1, 1, 'organization stars', now());
    INSERT INTO notification_rules (rule_name, source_measurement_id, threshold, modified_at)
      SELECT 'stars', max(id), 10, now() FROM source_measurement WHERE type = 'int';
    INSERT INTO news (title, message, trigger_factor, "timestamp", company_id, data_source_id, source_measurement_id, modified_at)
      SELECT 'News', 'Stars rose', '12.5', now() - n * interval '1 day', n, 1, 1, now() FROM generate_series(1, 100) n;
    INSERT INTO notification (message, company_id, data_source_id, modified_at)
      SELECT 'Stars rose', n, 1, now() FROM generate_series(1, 100) n;
    INSERT INTO report (company_id, name, report_file_url, modified_at)
      SELECT n, 'Report', 'gs://reports/' || n, now() FROM generate_series(1, 20) n`)
}
