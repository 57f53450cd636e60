-- Up Migration

-- Dry runs of maps that somebody asked for on a page or by the API. One row is the question and the answer.
CREATE TABLE map_trial (
  trial_id uuid PRIMARY KEY,
  data_source_id int NOT NULL,
  source_name text NOT NULL,
  version int,
  draft_id int,
  content text NOT NULL,
  last int NOT NULL,
  actor text NOT NULL,
  state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'failed')),
  message text NOT NULL DEFAULT '',
  report jsonb,
  attempts int NOT NULL DEFAULT 0,
  leased_until timestamptz,
  asked_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz
);
COMMENT ON COLUMN map_trial.trial_id IS 'Id of the change that asked for it.';
COMMENT ON COLUMN map_trial.version IS 'The stored version that is tried; else draft_id says which map of edge.map_draft.';
COMMENT ON COLUMN map_trial.last IS 'So many of the last stored documents at most.';
COMMENT ON COLUMN map_trial.report IS 'What the map would make of them, shortened. Null: not done.';
CREATE INDEX map_trial_running ON map_trial (asked_at) WHERE state = 'running';
CREATE INDEX map_trial_source ON map_trial (data_source_id, asked_at);
CREATE VIEW map_trial_view AS
SELECT trial_id, data_source_id, source_name, version, draft_id, last, actor, state, message, report, asked_at, finished_at
FROM map_trial;
