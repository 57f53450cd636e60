-- Up Migration

-- subject_id and item_id are the keys as analyzer.series_view has them: hashed where no index can hold them.
CREATE VIEW value_view AS
SELECT event_no, seq, observed_at, company_measurement_id, source_measurement_id, company_id, data_source_id, type, path,
  subject_key, item_key, item_label, number, text, date, members,
  CASE WHEN octet_length(subject_key) <= 1000 THEN subject_key
    ELSE 'sha256:' || encode(sha256(convert_to(subject_key, 'UTF8')), 'hex') END AS subject_id,
  CASE WHEN octet_length(item_key) <= 1000 THEN item_key
    WHEN item_key IS NOT NULL THEN 'sha256:' || encode(sha256(convert_to(item_key, 'UTF8')), 'hex') END AS item_id
FROM value;
