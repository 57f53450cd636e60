-- Up Migration

-- What a trial of a map would send, for the analyzer, which says which news items it would make.
ALTER TABLE map_trial ADD COLUMN event_ids uuid[], ADD COLUMN observed_before bytea, ADD COLUMN observed_after bytea;
COMMENT ON COLUMN map_trial.event_ids IS 'Ids that the documents have in the observations, in their order.';
COMMENT ON COLUMN map_trial.observed_before IS
  'Observations by the map in force: NDJSON, gzip. Null: none were kept, as they are too large or of another day.';
COMMENT ON COLUMN map_trial.observed_after IS 'Observations by the map that is tried.';

CREATE OR REPLACE VIEW map_trial_view AS
SELECT trial_id, data_source_id, source_name, version, draft_id, last, actor, state, message, report, asked_at, finished_at,
  observed_before IS NOT NULL AS is_observed
FROM map_trial;

CREATE VIEW trial_observations_view AS
SELECT trial_id, finished_at, event_ids, observed_before, observed_after FROM map_trial WHERE observed_before IS NOT NULL;
