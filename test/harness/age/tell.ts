import type pg from 'pg'

/** Every so many payloads make a news item. */
const payloadsPerNews = 4
const readers = 20
/** Who hears of a news item at once. */
const readersEach = 5
/** What digests contained is remembered for so long. */
const rememberedDays = 45

const message = `jsonb_build_object('subject', title, 'context', 'bench', 'lines', jsonb_build_array(jsonb_build_object(
  'mark', '', 'title', title, 'details', '[]'::jsonb)), 'rest', '', 'trace', '',
  'topic', jsonb_build_object('kind', 'company', 'name', 'Bench'))`
const people = `jsonb_build_array(jsonb_build_object('id', u.id, 'name', u.name, 'through', jsonb_build_array('Bench')))`

/**
 * Stores news items of what `copyBack` has stored, with what was told of them in their time: messages and their deliveries,
 * a digest a week for each reader, runs and tasks of each source. Returns the readers; the first one is Ann.
 */
export async function tell(pool: pg.Pool, weeks: number): Promise<number[]> {
  await pool.query(`
    INSERT INTO "user" (auth_id, name, modified_at)
    SELECT 'age-' || n, CASE n WHEN 1 THEN 'Ann' ELSE 'Reader ' || n END, now() FROM generate_series(1, ${readers}) n;
    INSERT INTO notification_channel (channel_type, destination, modified_at)
    SELECT 'EMAIL', auth_id || '@example.com', now() FROM "user" ORDER BY id;
    INSERT INTO notification_subscription (user_id, channel_id, channel_purpose, modified_at)
    SELECT u.id, c.id, 'REPORT', now() FROM "user" u JOIN notification_channel c ON c.destination = u.auth_id || '@example.com';
    INSERT INTO company_subscription (user_id, company_id, modified_at) SELECT u.id, c.id, now() FROM "user" u, company c;
    INSERT INTO notifier.digest_policy (user_id, rhythm, hour, weekday, zone) SELECT id, 'off', 0, 1, 'UTC' FROM "user";
    INSERT INTO notifier.destination (channel, address) SELECT 'EMAIL', auth_id || '@example.com' FROM "user" ORDER BY id`)
  await addNews(pool)
  await addMessages(pool)
  await addDigests(pool, weeks)
  await addRuns(pool, weeks)
  await pool.query('ANALYZE')
  const { rows } = await pool.query<{ id: number }>('SELECT id FROM "user" ORDER BY id')
  return rows.map(({ id }) => id)
}

async function addNews(pool: pg.Pool): Promise<void> {
  await pool.query(`
    INSERT INTO analyzer.news (news_id, event_id, replay_id, event_no, public_news_id, kind, severity, company_id,
      data_source_id, source_measurement_id, company_measurement_id, subject_key, item_key, path, seq, map_version, title,
      message, trigger_factor, previous, current, observed_at, task_id, group_index, group_size, dedupe_key, facts, silent,
      created_at, importance)
    SELECT gen_random_uuid(), p.event_id, '', p.event_no, nextval(pg_get_serial_sequence('public.news', 'id')), 'changed',
      CASE WHEN p.event_no % 10 = 0 THEN 'warning' ELSE 'info' END, v.company_id, v.data_source_id,
      v.source_measurement_id, v.company_measurement_id, v.subject_key, v.item_key, v.path, v.seq, 1,
      'A number rose by half', 'A number of a company in this bench rose by half since last week.', 50,
      floor(v.number / 1.5)::text, v.number::text, p.observed_at, p.task_id, 0, 1,
      v.company_measurement_id || '/' || coalesce(v.item_key, '') || '/' || p.observed_at::date, '{}', false, p.observed_at,
      hashint8(p.event_no) % 100 / 200.0 + 0.5
    FROM normalizer.processed_event p CROSS JOIN LATERAL (
      SELECT * FROM normalizer.value v WHERE v.event_no = p.event_no AND v.observed_at = p.observed_at AND v.type = 'int'
      ORDER BY hashint8(p.event_no * 100 + v.seq) LIMIT 1) v
    WHERE p.event_no % ${payloadsPerNews} = 0 ORDER BY p.event_no;
    INSERT INTO news (id, title, message, trigger_factor, "timestamp", company_id, data_source_id, source_measurement_id,
      created_at, modified_at)
    SELECT public_news_id, title, message, trigger_factor::text, observed_at, company_id, data_source_id,
      source_measurement_id, observed_at, observed_at
    FROM analyzer.news ORDER BY public_news_id;
    INSERT INTO notifier.news_group (group_id, company_id, data_source_id, task_id, size, seen, first_at)
    SELECT event_id, company_id, data_source_id, task_id, 1, 1, created_at FROM analyzer.news ORDER BY public_news_id;
    INSERT INTO notifier.news_item (news_id, group_id, group_index, severity, kind, title, message, trigger_factor,
      previous, current, source_measurement_id, item_key, observed_at, dedupe_key, received_at, assigned_at, importance,
      subject_key)
    SELECT news_id, event_id, 0, severity, kind, title, message, trigger_factor, previous, current,
      source_measurement_id, item_key, observed_at, dedupe_key, created_at, created_at, importance, subject_key
    FROM analyzer.news ORDER BY public_news_id`)
}

/** A message has the id of its news item. */
async function addMessages(pool: pg.Pool): Promise<void> {
  await pool.query(`
    BEGIN; SET LOCAL session_replication_role = replica;
    INSERT INTO notifier.notification (notification_id, kind, company_id, data_source_id, message, created_at, told_at)
    SELECT news_id, 'news', company_id, data_source_id, ${message}, created_at, created_at
    FROM analyzer.news ORDER BY public_news_id;
    INSERT INTO notifier.delivery (notification_id, destination_id, people, state, created_at, settled_at, claim)
    SELECT n.news_id, d.destination_id, ${people}, 'sent', n.created_at, n.created_at, 1
    FROM analyzer.news n JOIN notifier.destination d
      ON (d.destination_id + n.public_news_id) % ${readers / readersEach} = 0
    JOIN "user" u ON d.address = u.auth_id || '@example.com' ORDER BY n.public_news_id;
    INSERT INTO notifier.attempt (delivery_id, claim, action, outcome, took_ms, ended_at)
    SELECT delivery_id, 1, 'send', 'sent', 100, settled_at FROM notifier.delivery ORDER BY delivery_id;
    INSERT INTO notifier.item_delivery (item_id, destination_id, company_id, people, assigned_at, notification_id)
    SELECT n.news_id, d.destination_id, n.company_id, d.people, d.created_at, n.news_id
    FROM notifier.delivery d JOIN analyzer.news n ON n.news_id = d.notification_id ORDER BY d.delivery_id;
    INSERT INTO notification (message, company_id, data_source_id, created_at, modified_at)
    SELECT message, company_id, data_source_id, observed_at, observed_at FROM analyzer.news ORDER BY public_news_id;
    COMMIT`)
}

/** The last one a week ago, so that the next one has the news items of a week. */
async function addDigests(pool: pg.Pool, weeks: number): Promise<void> {
  await pool.query(`
    UPDATE notifier.digest_start SET since = now() - ${weeks} * interval '7 days';
    INSERT INTO notifier.digest (user_id, bucket_id, period, digest_id, rhythm, state, news, since, made_at)
    SELECT id, 0, to_char(made_at, 'IYYY-"W"IW'), gen_random_uuid(), 'weekly', 'made', 60,
      made_at - interval '7 days', made_at
    FROM "user", generate_series(1, ${weeks - 1}) week, LATERAL (SELECT now() - week * interval '7 days' AS made_at) m
    ORDER BY made_at, id;
    INSERT INTO notifier.digest_item (user_id, bucket_id, news_id, period, made_at)
    SELECT d.user_id, 0, n.news_id, d.period, d.made_at FROM notifier.digest d JOIN analyzer.news n
      ON n.created_at > d.since AND n.created_at < d.made_at - interval '1 hour'
    WHERE d.made_at > now() - interval '${rememberedDays} days' ORDER BY d.made_at;
    INSERT INTO notifier.notification (notification_id, kind, message, created_at, told_at)
    SELECT digest_id, 'digest', ${message}, made_at, made_at
    FROM notifier.digest, LATERAL (SELECT 'A week' AS title) t ORDER BY made_at;
    INSERT INTO notifier.delivery (notification_id, destination_id, people, state, created_at, settled_at, claim)
    SELECT n.digest_id, d.destination_id, ${people}, 'sent', n.made_at, n.made_at, 1
    FROM notifier.digest n JOIN "user" u ON u.id = n.user_id JOIN notifier.destination d ON d.address = u.auth_id || '@example.com'
    ORDER BY n.made_at;
    INSERT INTO notifier.company_report (company_id, period)
    SELECT c.id, d.period FROM company c, (SELECT DISTINCT period FROM notifier.digest) d;
    INSERT INTO report (company_id, name, report_file_url, created_at, modified_at)
    SELECT c.id, 'Weekly report ' || d.period, 'report/' || d.period, d.made_at, d.made_at
    FROM company c, (SELECT period, min(made_at) AS made_at FROM notifier.digest GROUP BY 1) d ORDER BY d.made_at`)
}

async function addRuns(pool: pg.Pool, weeks: number): Promise<void> {
  await pool.query(`
    INSERT INTO scheduled_task (task_id, data_source_id, schedule_type, scheduled_at, started_at, ended_at, status, attempts)
    SELECT task_id, data_source_id, 'REGULAR', min(received_at), min(received_at), max(received_at), 'SUCCESS', 1
    FROM normalizer.processed_event WHERE task_id > 1 GROUP BY 1, 2 ORDER BY 1;
    SELECT setval(pg_get_serial_sequence('public.scheduled_task', 'task_id'), ${weeks * 100 + 100});
    INSERT INTO scheduler.run (task_id, data_source_id, schedule_type, slot, claim_token, attempt, started_at, called_at,
      call_ended_at, call_reached, fed, first_fed_at, last_fed_at, finished_at, outcome, settled_at, judged)
    SELECT task_id, data_source_id, 'REGULAR', scheduled_at, task_id, 1, started_at, started_at, ended_at, true,
      (SELECT count(*) FROM company), started_at, ended_at, ended_at, 'ok', ended_at, true
    FROM scheduled_task ORDER BY task_id;
    INSERT INTO scheduler.company_source (data_source_id, company_id, fed, last_fed_at)
    SELECT data_source_id, company_id, ${weeks}, now() FROM company_data_source`)
}
