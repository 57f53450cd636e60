-- Up Migration

-- The same view, with what the observation of a payload is rebuilt from, besides its values.
CREATE OR REPLACE VIEW lineage AS
SELECT event_no, event_id, replay_id, document, data_source_id, source_name, company_id, task_id, map_version,
  received_at, observed_at, processed_at, stored, nulls, unmapped, refused, reason, history, subject_key, empty_lists
FROM processed_event;
