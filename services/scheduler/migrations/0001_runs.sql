-- Up Migration

-- What we know of the run of a task beyond public.scheduled_task, which belongs to parma-web. No foreign keys: they would
-- put triggers on its tables, and a run outlives its task, which parma-web may delete at any moment.
CREATE TABLE run (
  task_id int PRIMARY KEY,
  data_source_id int NOT NULL,
  schedule_type text NOT NULL,
  slot timestamptz NOT NULL,
  -- Bumped at each claim: a write of an earlier claim finds another number and changes nothing.
  claim_token bigint NOT NULL,
  attempt int NOT NULL,
  started_at timestamptz,
  -- The call of this attempt to the module: begun, over, and why it was lost. Not reached: the module never got it.
  called_at timestamptz,
  call_ended_at timestamptz,
  call_error text,
  call_reached boolean,
  -- Not started again before this time.
  retry_at timestamptz,
  -- What the headers of raw payloads tell, over all attempts.
  fed bigint NOT NULL DEFAULT 0,
  first_fed_at timestamptz,
  last_fed_at timestamptz,
  -- The module's word that it is done; final SETTLE_SECONDS later.
  finished_at timestamptz,
  finish_late boolean NOT NULL DEFAULT false,
  error_count int NOT NULL DEFAULT 0,
  -- ok: no errors; partial: some errors, or no finish, and something was fed; failed: nothing was fed.
  outcome text CHECK (outcome IN ('ok', 'partial', 'failed')),
  reason text,
  settled_at timestamptz
);
CREATE INDEX run_open ON run (task_id) WHERE outcome IS NULL;
CREATE INDEX run_planned ON run (data_source_id, slot) WHERE schedule_type = 'REGULAR';

-- Companies for which discovery found nothing or failed: not asked for again before retry_at. Gone when something is found.
CREATE TABLE discovery (
  data_source_id int NOT NULL,
  company_id int NOT NULL,
  verdict text NOT NULL CHECK (verdict IN ('empty', 'failed')),
  reason text NOT NULL,
  failures int NOT NULL,
  tried_at timestamptz NOT NULL,
  retry_at timestamptz NOT NULL,
  PRIMARY KEY (data_source_id, company_id)
);

-- One row per finish record and per payload counted, so that a second delivery changes nothing.
CREATE TABLE processed_event (
  event_id uuid NOT NULL,
  replay_id text NOT NULL DEFAULT '',
  part int NOT NULL DEFAULT 1,
  content_hash text NOT NULL,
  stage text NOT NULL,
  task_id int,
  reason text,
  processed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (event_id, replay_id, part)
);

CREATE VIEW event_status AS SELECT event_id, stage, processed_at AS at, reason FROM processed_event;
