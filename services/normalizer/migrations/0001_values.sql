-- Up Migration

-- Which payloads took effect (services/runtime/ledger.ts), and where every value comes from. Kept for ever.
CREATE TABLE processed_event (
  event_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id uuid NOT NULL,
  replay_id text NOT NULL DEFAULT '',
  part int NOT NULL DEFAULT 1,
  content_hash text NOT NULL,
  processed_at timestamptz NOT NULL DEFAULT now(),
  -- Path of the raw document in Firestore.
  document text NOT NULL,
  data_source_id int NOT NULL,
  source_name text NOT NULL,
  company_id text NOT NULL,
  task_id int,
  received_at timestamptz(3) NOT NULL,
  history bool NOT NULL,
  -- The rest is known at the end of the transaction that makes the row.
  observed_at timestamptz(3),
  map_version int,
  subject_key text NOT NULL DEFAULT '',
  -- Leaves: what was read is stored, null, unmapped or refused, and nothing else.
  stored int NOT NULL DEFAULT 0,
  nulls int NOT NULL DEFAULT 0,
  unmapped int NOT NULL DEFAULT 0,
  refused int NOT NULL DEFAULT 0,
  -- Why the whole payload was refused; null when it was understood.
  reason text,
  UNIQUE (event_id, replay_id, part)
) WITH (fillfactor = 80);

-- The last observed time of a company and source, so that times given here rise.
CREATE TABLE last_observed (
  company_id text,
  data_source_id int,
  observed_at timestamptz(3) NOT NULL,
  PRIMARY KEY (company_id, data_source_id)
) WITH (fillfactor = 50);

-- Every understood value. event_no is that of the event's first row in processed_event; replay_no that of the replay which
-- brought the value, null for live ones. The ledger guards against doubles, so nothing is unique here.
CREATE TABLE value (
  event_no bigint NOT NULL,
  replay_no bigint,
  observed_at timestamptz(3) NOT NULL,
  number double precision,
  date timestamptz(3),
  seq int NOT NULL,
  company_measurement_id int NOT NULL,
  source_measurement_id int NOT NULL,
  company_id int NOT NULL,
  data_source_id int NOT NULL,
  type text NOT NULL,
  path text NOT NULL,
  subject_key text NOT NULL,
  item_key text,
  item_label text,
  text text,
  members text[]
) PARTITION BY RANGE (observed_at);
CREATE INDEX value_event_no ON value (event_no);
CREATE INDEX value_series ON value (company_measurement_id, observed_at);

-- Makes the partition of the month that `at` is in (UTC). To create and then attach takes no lock that writers wait for.
CREATE FUNCTION create_month(at timestamptz) RETURNS void LANGUAGE plpgsql SET search_path = normalizer, pg_temp AS $$
DECLARE
  first timestamp := date_trunc('month', at AT TIME ZONE 'UTC');
  name text := 'value_' || to_char(first, 'YYYY_MM');
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('normalizer.create_month', 0));
  IF EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass(format('normalizer.%I', name))) THEN RETURN; END IF;
  EXECUTE format('CREATE TABLE IF NOT EXISTS normalizer.%I (LIKE normalizer.value INCLUDING ALL)', name);
  EXECUTE format('ALTER TABLE normalizer.value ATTACH PARTITION normalizer.%I FOR VALUES FROM (%L) TO (%L)',
    name, first AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC');
END $$;

-- What could not be stored: leaves, or whole payloads (seq is null). superseded_by: event_no of the replay that judged anew.
CREATE TABLE refused (
  event_no bigint NOT NULL,
  superseded_by bigint,
  refused_at timestamptz NOT NULL DEFAULT now(),
  seq int,
  leaves int NOT NULL,
  data_source_id int NOT NULL,
  company_id text NOT NULL,
  map_version int,
  path text NOT NULL,
  item_key text,
  reason text NOT NULL,
  sample text NOT NULL
);
CREATE INDEX refused_event_no ON refused (event_no);
CREATE INDEX refused_open ON refused (data_source_id, reason) WHERE superseded_by IS NULL;

-- What operators were told once: paths where payloads and map differ, faults of maps, payloads refused as a whole.
CREATE TABLE drift (
  data_source_id int,
  kind text,
  -- A path, a company, a source.
  subject text,
  -- The event that showed it first, and what was said then.
  event_no bigint NOT NULL,
  seen_at timestamptz NOT NULL,
  message text NOT NULL,
  facts jsonb NOT NULL,
  PRIMARY KEY (data_source_id, kind, subject)
);
CREATE INDEX drift_event_no ON drift (event_no);

CREATE VIEW event_status AS
SELECT event_id,
  CASE WHEN reason IS NULL THEN 'normalized' ELSE 'refused' END AS stage,
  processed_at AS at,
  coalesce(reason, CASE WHEN refused > 0 THEN refused || ' values refused' END) AS reason
FROM processed_event;
