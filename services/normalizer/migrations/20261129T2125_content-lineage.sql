-- Up Migration

-- The same view, with the sha256 of a payload's content, by which one that is sent again is told from another one.
CREATE OR REPLACE VIEW lineage AS
SELECT event_no, event_id, replay_id, document, data_source_id, source_name, company_id, task_id, map_version,
  received_at, observed_at, processed_at, stored, nulls, unmapped, refused, reason, history, subject_key, empty_lists,
  content_hash
FROM processed_event;
