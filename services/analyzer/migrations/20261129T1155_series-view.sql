-- Up Migration

-- A series as it stands, with names. A function, because a view that names tables of public would keep parma-web from
-- changing them. Times, scores and reasons are those of the last value; expected: the forecast of the next one.
CREATE FUNCTION list_series() RETURNS TABLE (
  company_id int, company_name text, data_source_id int, source_name text, source_measurement_id int,
  measurement_name text, type text, company_measurement_id int, subject_key text, item_key text, value text,
  observed_at timestamptz, event_no bigint, state text, points int, kind text, score double precision, reason text,
  expected double precision, expected_low double precision, expected_high double precision
) LANGUAGE sql STABLE AS $$
  SELECT c.company_id, o.name, m.source_module_id, d.source_name, m.id, m.measurement_name, m.type,
    s.company_measurement_id, s.subject_key, nullif(s.item_key, ''),
    CASE s.state->'last'->>'kind' WHEN 'date' THEN to_timestamp((s.state->'last'->>'date')::float8 / 1000)::text
      ELSE coalesce(s.state->'last'->>'number', s.state->'last'->>'bool', s.state->'last'->>'text', s.state->'last'->>'members') END,
    s.observed_at, s.event_no,
    CASE WHEN s.state->'said'->>'kind' = 'learning' THEN s.state->'said'->>'reason'
      WHEN s.state ? 'said' THEN 'judged'
      WHEN s.state->'last'->>'kind' = 'number' THEN 'judged without detectors'
      ELSE 'compared' END,
    (s.state->'said'->>'points')::int + 1, s.state->'said'->>'kind', (s.state->'said'->>'score')::float8,
    nullif(s.state->'said'->>'reason', ''), f.value, f.low, f.high
  FROM analyzer.series_state s
  JOIN public.company_source_measurement c ON c.company_measurement_id = s.company_measurement_id
  JOIN public.source_measurement m ON m.id = c.source_measurement_id
  JOIN public.company o ON o.id = c.company_id
  LEFT JOIN public.data_source d ON d.id = m.source_module_id
  LEFT JOIN analyzer.forecast f ON f.company_measurement_id = s.company_measurement_id
    AND f.subject_key = s.subject_key AND f.item_key = s.item_key AND f.steps = 1
$$;
CREATE VIEW series_view AS SELECT * FROM list_series();
COMMENT ON VIEW series_view IS
  'state: insufficient history (12 of 20); judged: by the detectors; judged without detectors: by rules or a percentage; compared: no number. points: values that the detectors have seen.';
