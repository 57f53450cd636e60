-- Up Migration

-- What the dead letter topics hold, one row a record, filled from the topics by whoever looks (edges, `parma dlq`). Kafka
-- keeps the records; this says where each is and what was done with it. The time a letter was written is part of what it
-- is: in a cluster that was set up anew its offset belongs to another one.
CREATE TABLE dead_letter (
  letter_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- Of the dead letter topic, without the prefix of the installation.
  dlq_topic text NOT NULL,
  partition int NOT NULL,
  "offset" bigint NOT NULL,
  written_at timestamptz NOT NULL,
  -- The topic its record came from, and the service that could not process it.
  topic text NOT NULL,
  service text NOT NULL,
  reason text NOT NULL,
  message text NOT NULL,
  stage text NOT NULL,
  schema_id int,
  event_id text,
  record_key text,
  data_source_id int,
  from_partition int,
  from_offset bigint,
  bytes int NOT NULL,
  left_out text,
  first_failed_at timestamptz NOT NULL,
  -- How often it was replayed before it failed this time; and by which replay it came.
  replays int NOT NULL,
  came_by uuid,
  -- That a replay of this letter has.
  replay_id uuid NOT NULL,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'replayed', 'mended', 'dropped')),
  handled_at timestamptz,
  handled_by text,
  handled_why text,
  -- The redrive that has it in work; and the last one that had.
  claimed_by uuid,
  redrive_id uuid,
  -- Why it could not be replayed when somebody tried.
  trouble text,
  UNIQUE (dlq_topic, partition, "offset", written_at)
);
CREATE INDEX dead_letter_open ON dead_letter (first_failed_at DESC, letter_no DESC) WHERE state = 'open';
CREATE INDEX dead_letter_counted ON dead_letter (service, first_failed_at) WHERE state = 'open';
CREATE INDEX dead_letter_claimed ON dead_letter (claimed_by, dlq_topic, partition, "offset") WHERE claimed_by IS NOT NULL;
CREATE INDEX dead_letter_redrive ON dead_letter (redrive_id) WHERE redrive_id IS NOT NULL;
CREATE INDEX dead_letter_event ON dead_letter (event_id);
CREATE INDEX dead_letter_came_by ON dead_letter (came_by) WHERE came_by IS NOT NULL;
CREATE INDEX dead_letter_replay ON dead_letter (replay_id);

-- Up to where each partition was read. The rows of what was read before it are there.
CREATE TABLE dead_letter_position (
  dlq_topic text NOT NULL,
  partition int NOT NULL,
  next_offset bigint NOT NULL,
  read_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (dlq_topic, partition)
);

-- A replay or drop of many letters: which it took (dead_letter.claimed_by), how far it is, and who works on it until when.
CREATE TABLE redrive (
  redrive_id uuid PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('replay', 'drop')),
  filter jsonb NOT NULL,
  actor text NOT NULL,
  reason text,
  per_second int NOT NULL,
  asked_at timestamptz NOT NULL DEFAULT now(),
  total int NOT NULL,
  left_alone int NOT NULL DEFAULT 0,
  done int NOT NULL DEFAULT 0,
  failed int NOT NULL DEFAULT 0,
  state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'stopped', 'done')),
  ended_at timestamptz,
  lease uuid,
  lease_until timestamptz NOT NULL DEFAULT '-infinity'
);
COMMENT ON COLUMN redrive.left_alone IS 'Letters that fit its filter and had failed too often to be replayed once more.';
CREATE INDEX redrive_running ON redrive (asked_at) WHERE state = 'running';
CREATE INDEX redrive_newest ON redrive (asked_at DESC);

-- How many are open, as `parma status` and the page Now say.
CREATE VIEW open_letters_view AS
SELECT service, count(*)::int AS letters, min(first_failed_at) AS oldest FROM dead_letter WHERE state = 'open'
GROUP BY service;

-- Records that somebody has mended: each is sent as a new one, and its letter is marked when Kafka has it. Whoever dies in
-- between has it sent again, with the same ids.
CREATE TABLE mend (
  mend_id uuid PRIMARY KEY,
  letter_no bigint NOT NULL,
  topic text NOT NULL,
  key text,
  value bytea NOT NULL,
  headers jsonb NOT NULL,
  actor text NOT NULL,
  reason text,
  before text NOT NULL,
  after text NOT NULL,
  asked_at timestamptz NOT NULL DEFAULT now(),
  sent_at timestamptz
);
CREATE INDEX mend_waiting ON mend (asked_at) WHERE sent_at IS NULL;
