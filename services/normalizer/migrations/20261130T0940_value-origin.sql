-- Up Migration

-- Which row of the ledger brought a value as it is now: none, a replay that filled it, or what replaced it. And members,
-- which earlier values and values that somebody corrects may have.
CREATE OR REPLACE VIEW value_view AS
SELECT event_no, seq, observed_at, company_measurement_id, source_measurement_id, company_id, data_source_id, type, path,
  subject_key, item_key, item_label, number, text, date, members,
  CASE WHEN octet_length(subject_key) <= 1000 THEN subject_key
    ELSE 'sha256:' || encode(sha256(convert_to(subject_key, 'UTF8')), 'hex') END AS subject_id,
  CASE WHEN octet_length(item_key) <= 1000 THEN item_key
    WHEN item_key IS NOT NULL THEN 'sha256:' || encode(sha256(convert_to(item_key, 'UTF8')), 'hex') END AS item_id,
  coalesce(generation_no, replay_no) AS brought_by
FROM value;

CREATE OR REPLACE VIEW value_lineage AS
SELECT v.event_no, v.seq, v.path, v.item_key, v.observed_at, v.company_id, v.company_measurement_id,
  v.source_measurement_id, v.type, v.number, v.text, v.date, p.event_id, p.replay_id, p.map_version, p.document, p.task_id,
  p.data_source_id, p.source_name, p.received_at, p.processed_at, v.generation_no, c.actor AS corrected_by,
  c.reason AS correction_reason, v.members
FROM value v
JOIN processed_event p ON p.event_no = coalesce(v.generation_no, v.replay_no, v.event_no)
LEFT JOIN correction c ON c.event_no = v.generation_no;

CREATE OR REPLACE VIEW value_history AS
SELECT s.event_no, s.seq, s.path, s.item_key, s.observed_at, s.company_id, s.company_measurement_id, s.source_measurement_id,
  s.type, s.number, s.text, s.date, s.subject_key, s.superseded_at, p.event_id, p.replay_id, p.map_version,
  c.actor AS corrected_by, c.reason AS correction_reason, s.members
FROM superseded_value s
JOIN processed_event p ON p.event_no = s.superseded_by
LEFT JOIN correction c ON c.event_no = s.superseded_by;
