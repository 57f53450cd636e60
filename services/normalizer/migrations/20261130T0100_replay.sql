-- Up Migration

-- A value that took the place of another one: event_no of the row of the ledger (a replay or a correction) that brought it.
-- Its replay_no stays that of the value before. Null: nothing was there before.
ALTER TABLE value ADD COLUMN generation_no bigint;

-- Values that others have taken the place of, or that a replay found no longer. `value` has only what counts now.
CREATE TABLE superseded_value (
  LIKE value,
  superseded_by bigint NOT NULL,
  superseded_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN superseded_value.superseded_by IS 'event_no of the row of the ledger that took its place.';
CREATE INDEX superseded_value_event_no ON superseded_value (event_no);
CREATE INDEX superseded_value_by ON superseded_value (superseded_by);

-- Rows of the ledger whose observations must still be sent: replays and corrections, in the transaction that changed values.
CREATE TABLE unsent_observation (event_no bigint PRIMARY KEY);

-- Values that somebody corrected. event_no: its row of the ledger; first_no: that of the event.
CREATE TABLE correction (
  event_no bigint PRIMARY KEY,
  first_no bigint NOT NULL,
  seq int NOT NULL,
  path text NOT NULL,
  actor text NOT NULL,
  reason text NOT NULL,
  corrected_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX correction_first_no ON correction (first_no);

CREATE TABLE replay (
  replay_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  data_source_id int NOT NULL,
  source_name text NOT NULL,
  companies text[],
  observed_from timestamptz,
  observed_to timestamptz,
  mode text NOT NULL CHECK (mode IN ('compare', 'fill', 'replace')),
  map text NOT NULL,
  map_version int,
  rate int,
  reason text NOT NULL,
  actor text NOT NULL,
  state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'paused', 'done', 'canceled', 'failed')),
  message text NOT NULL DEFAULT '',
  total int NOT NULL,
  until_no bigint NOT NULL,
  done int NOT NULL DEFAULT 0,
  cursor_at timestamptz(3) NOT NULL DEFAULT '-infinity',
  cursor_no bigint NOT NULL DEFAULT 0,
  report jsonb NOT NULL DEFAULT '{}',
  runner text,
  leased_until timestamptz,
  attempts int NOT NULL DEFAULT 0,
  asked_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz
);
COMMENT ON COLUMN replay.companies IS 'Null: all.';
COMMENT ON COLUMN replay.map IS 'then: the version by which a payload was understood; now: the newest; or a version.';
COMMENT ON COLUMN replay.map_version IS 'Which version that is; null with then, and before it has begun.';
COMMENT ON COLUMN replay.rate IS 'Payloads per second at most.';
COMMENT ON COLUMN replay.total IS 'Payloads at the start, of which `done` are done. Later ones (event_no above until_no) do not belong to it.';
COMMENT ON COLUMN replay.cursor_at IS 'With cursor_no: the last payload that is done, by time of receipt.';
COMMENT ON COLUMN replay.attempts IS 'How often it was begun since it last came further.';
-- What two replays of a source make of each other would depend on who is first.
CREATE UNIQUE INDEX replay_open ON replay (data_source_id) WHERE state IN ('running', 'paused');
CREATE VIEW replay_view AS
SELECT replay_no, data_source_id, source_name, companies, observed_from, observed_to, mode, map, map_version, rate, reason,
  actor, state, message, total, done, report, asked_at, finished_at
FROM replay;

CREATE TABLE change (
  change_id uuid PRIMARY KEY,
  kind text NOT NULL,
  actor text NOT NULL,
  content_hash text NOT NULL,
  state text NOT NULL CHECK (state IN ('done', 'refused')),
  message text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN change.message IS 'A sentence for whoever asked.';
COMMENT ON COLUMN change.content_hash IS 'The same id with another hash is another change under a key that is taken.';
CREATE INDEX change_age ON change (at);
CREATE VIEW change_view AS SELECT change_id, kind, actor, content_hash, state, message, at FROM change;

-- The same views, by the row of the ledger that brought the value as it is now.
CREATE OR REPLACE VIEW value_lineage AS
SELECT v.event_no, v.seq, v.path, v.item_key, v.observed_at, v.company_id, v.company_measurement_id,
  v.source_measurement_id, v.type, v.number, v.text, v.date, p.event_id, p.replay_id, p.map_version, p.document, p.task_id,
  p.data_source_id, p.source_name, p.received_at, p.processed_at, v.generation_no, c.actor AS corrected_by,
  c.reason AS correction_reason
FROM value v
JOIN processed_event p ON p.event_no = coalesce(v.generation_no, v.replay_no, v.event_no)
LEFT JOIN correction c ON c.event_no = v.generation_no;

-- Earlier values, with who took their place.
CREATE VIEW value_history AS
SELECT s.event_no, s.seq, s.path, s.item_key, s.observed_at, s.company_id, s.company_measurement_id, s.source_measurement_id,
  s.type, s.number, s.text, s.date, s.subject_key, s.superseded_at, p.event_id, p.replay_id, p.map_version,
  c.actor AS corrected_by, c.reason AS correction_reason
FROM superseded_value s
JOIN processed_event p ON p.event_no = s.superseded_by
LEFT JOIN correction c ON c.event_no = s.superseded_by;
