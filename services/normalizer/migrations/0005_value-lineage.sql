-- Up Migration

-- Where a value comes from: the event, the map it was understood by (of the replay, where one brought it), the raw document
-- with the module's own bytes, the task and the module that sent it. Ask with observed_at where it is known: values are
-- partitioned by it.
CREATE VIEW value_lineage AS
SELECT v.event_no, v.seq, v.path, v.item_key, v.observed_at, v.company_id, v.company_measurement_id,
  v.source_measurement_id, v.type, v.number, v.text, v.date, p.event_id, p.replay_id, p.map_version, p.document, p.task_id,
  p.data_source_id, p.source_name, p.received_at, p.processed_at
FROM value v JOIN processed_event p ON p.event_no = coalesce(v.replay_no, v.event_no);
