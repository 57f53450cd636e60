-- Up Migration

-- The same view for readers that have no rights to the analyzer's tables: Postgres checks what a function reads against
-- its caller, and what a view reads against the view's owner. Only names come from a function, which reads public.
CREATE FUNCTION list_measurements() RETURNS TABLE (
  company_measurement_id int, company_id int, company_name text, data_source_id int, source_name text,
  source_measurement_id int, measurement_name text, type text
) LANGUAGE sql STABLE AS $$
  SELECT c.company_measurement_id, c.company_id, o.name, m.source_module_id, d.source_name, m.id, m.measurement_name, m.type
  FROM public.company_source_measurement c
  JOIN public.source_measurement m ON m.id = c.source_measurement_id
  JOIN public.company o ON o.id = c.company_id
  LEFT JOIN public.data_source d ON d.id = m.source_module_id
$$;
CREATE OR REPLACE VIEW series_view AS
SELECT m.company_id, m.company_name, m.data_source_id, m.source_name, m.source_measurement_id, m.measurement_name, m.type,
  s.company_measurement_id, s.subject_key, nullif(s.item_key, '') AS item_key,
  CASE s.state->'last'->>'kind' WHEN 'date' THEN to_timestamp((s.state->'last'->>'date')::float8 / 1000)::text
    ELSE coalesce(s.state->'last'->>'number', s.state->'last'->>'bool', s.state->'last'->>'text', s.state->'last'->>'members')
  END AS value,
  s.observed_at::timestamptz AS observed_at, s.event_no,
  CASE WHEN s.state->'said'->>'kind' = 'learning' THEN s.state->'said'->>'reason'
    WHEN s.state ? 'said' THEN 'judged'
    WHEN s.state->'last'->>'kind' = 'number' THEN 'judged without detectors'
    ELSE 'compared' END AS state,
  (s.state->'said'->>'points')::int + 1 AS points, s.state->'said'->>'kind' AS kind,
  (s.state->'said'->>'score')::float8 AS score, nullif(s.state->'said'->>'reason', '') AS reason,
  f.value AS expected, f.low AS expected_low, f.high AS expected_high
FROM series_state s
JOIN analyzer.list_measurements() m ON m.company_measurement_id = s.company_measurement_id
LEFT JOIN forecast f ON f.company_measurement_id = s.company_measurement_id
  AND f.subject_key = s.subject_key AND f.item_key = s.item_key AND f.steps = 1;
COMMENT ON VIEW series_view IS
  'state: insufficient history (12 of 20); judged: by the detectors; judged without detectors: by rules or a percentage; compared: no number. points: values that the detectors have seen. expected: the forecast of the next value.';
-- contract: only the view used it, never a service
DROP FUNCTION list_series();
