-- Up Migration

-- The ledger: parts of observations whose effect is in the tables below. content_hash is the event's event_no.
CREATE TABLE processed_event (
  event_id uuid NOT NULL,
  replay_id text NOT NULL DEFAULT '',
  part int NOT NULL DEFAULT 1,
  content_hash text NOT NULL,
  processed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (event_id, replay_id, part)
);

-- Parts of payloads whose last part has not come yet: a payload is judged as one.
CREATE TABLE pending_part (
  event_id uuid NOT NULL,
  replay_id text NOT NULL,
  part int NOT NULL,
  item_values jsonb NOT NULL,
  PRIMARY KEY (event_id, replay_id, part)
);

-- What a series was last: a company measurement, for one subject and one item. Keys longer than an index can hold are
-- their sha256. event_no and observed_at are those of the newest payload that spoke of it.
CREATE TABLE series_state (
  company_measurement_id int NOT NULL,
  subject_key text NOT NULL,
  item_key text NOT NULL,
  event_no bigint NOT NULL,
  observed_at timestamptz(3) NOT NULL,
  state jsonb NOT NULL,
  PRIMARY KEY (company_measurement_id, subject_key, item_key)
) WITH (fillfactor = 70);
COMMENT ON COLUMN series_state.state IS 'last: the value; recent: the newest numbers, oldest first.';

-- All news, with everything that is told of them: what goes to the topic is rebuilt from here. No foreign keys: they would
-- put triggers on parma-web's tables.
CREATE TABLE news (
  news_id uuid PRIMARY KEY,
  event_id uuid NOT NULL,
  replay_id text NOT NULL,
  event_no bigint NOT NULL,
  public_news_id int NOT NULL,
  kind text NOT NULL,
  severity text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
  company_id int NOT NULL,
  data_source_id int NOT NULL,
  source_measurement_id int NOT NULL,
  company_measurement_id int NOT NULL,
  subject_key text NOT NULL,
  item_key text,
  path text NOT NULL,
  seq int NOT NULL,
  map_version int NOT NULL,
  title text NOT NULL,
  message text NOT NULL,
  trigger_factor double precision,
  previous text,
  current text,
  rule_id text,
  rule_version int,
  observed_at timestamptz(3) NOT NULL,
  task_id int,
  group_index int NOT NULL,
  group_size int NOT NULL,
  dedupe_key text NOT NULL,
  facts jsonb NOT NULL,
  silent boolean NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX news_event ON news (event_id);
COMMENT ON COLUMN news.seq IS 'Of the value in normalizer.value (event_no, seq) that made the news.';

-- Every version of every rule that was in force, so that a news can be explained after its rule has changed.
CREATE TABLE rule (
  rule_id text NOT NULL,
  version int NOT NULL,
  definition jsonb NOT NULL,
  since timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (rule_id, version)
);
COMMENT ON COLUMN rule.rule_id IS 'Where it stands, for example notification_rules/7 for public.notification_rules.';

-- Rules that cannot be followed, told once per version. event_id: the payload that was the first to ask for the rule.
CREATE TABLE rule_error (
  rule_id text NOT NULL,
  version int NOT NULL,
  event_id uuid NOT NULL,
  replay_id text NOT NULL,
  data_source_id int NOT NULL,
  message text NOT NULL,
  facts jsonb NOT NULL,
  seen_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (rule_id, version)
);
CREATE INDEX rule_error_event ON rule_error (event_id);

CREATE VIEW event_status AS
SELECT p.event_id,
  CASE WHEN w.parts > 0 THEN 'judging' ELSE 'judged' END AS stage,
  p.at,
  CASE WHEN n.news > 0 THEN n.news || ' news, ' || n.silent || ' of them silent' ELSE 'nothing that is news' END AS reason
FROM (SELECT event_id, max(processed_at) AS at FROM processed_event GROUP BY event_id) p
CROSS JOIN LATERAL (SELECT count(*) AS parts FROM pending_part w WHERE w.event_id = p.event_id) w
CROSS JOIN LATERAL (
  SELECT count(*) AS news, count(*) FILTER (WHERE silent) AS silent FROM news n WHERE n.event_id = p.event_id
) n;
