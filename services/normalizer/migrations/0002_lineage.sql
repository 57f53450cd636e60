-- Up Migration

-- From an event to its raw document, map, task and counts; with value.event_no, the way back of every value.
CREATE VIEW lineage AS
SELECT event_no, event_id, replay_id, document, data_source_id, source_name, company_id, task_id, map_version,
  received_at, observed_at, processed_at, stored, nulls, unmapped, refused, reason
FROM processed_event;
