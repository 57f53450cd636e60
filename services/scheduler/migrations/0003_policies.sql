-- Up Migration

-- How a source is to run beyond what public.data_source says. No row: its frequency, and the defaults of the settings.
CREATE TABLE source_policy (
  data_source_id int PRIMARY KEY,
  -- Takes the place of the frequency: minute, hour, day of month, month, day of week, in `zone`.
  cron text,
  zone text NOT NULL DEFAULT 'UTC',
  -- Planned runs start up to this much later than their slot.
  jitter_seconds int NOT NULL DEFAULT 0 CHECK (jitter_seconds >= 0),
  -- Of the day in `zone`, and may pass midnight; what falls outside runs when it opens.
  window_from time,
  window_to time,
  catch_up text NOT NULL DEFAULT 'latest' CHECK (catch_up IN ('latest', 'all', 'none')),
  max_attempts int CHECK (max_attempts > 0),
  backoff_seconds int CHECK (backoff_seconds > 0),
  may_overlap bool NOT NULL DEFAULT false,
  paused_at timestamptz,
  paused_until timestamptz,
  pause_reason text,
  CHECK ((window_from IS NULL) = (window_to IS NULL) AND window_from <> window_to)
);

-- Who changed what of a source's policy.
CREATE TABLE policy_change (
  change_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  data_source_id int NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  by text NOT NULL,
  what text NOT NULL,
  before jsonb,
  after jsonb
);
CREATE INDEX policy_change_of ON policy_change (data_source_id, change_no);

-- Slots of the plan that made no run, in a row, and why.
CREATE TABLE missed (
  data_source_id int NOT NULL,
  from_slot timestamptz NOT NULL,
  to_slot timestamptz NOT NULL,
  slots int NOT NULL,
  reason text NOT NULL CHECK (reason IN ('inactive', 'paused', 'superseded', 'late')),
  PRIMARY KEY (data_source_id, from_slot)
);
CREATE INDEX missed_newest ON missed (data_source_id, to_slot);

-- Modules of which the last attempts all failed. Gone when one of their runs finishes.
CREATE TABLE module (
  module text PRIMARY KEY,
  failures int NOT NULL,
  reason text NOT NULL,
  -- No run begins before this time, and then one alone.
  rests_until timestamptz
);

ALTER TABLE run
  -- The companies that a run was asked for by hand; null: all that are linked.
  ADD only_companies int[],
  -- Its end says nothing of its source: the task was deleted, or the source switched off.
  ADD excused bool NOT NULL DEFAULT false;
