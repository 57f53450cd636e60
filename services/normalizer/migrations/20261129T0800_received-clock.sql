-- Up Migration

-- The newest time of receipt of a company and source: a payload received long before it is late.
ALTER TABLE last_observed ADD COLUMN received_at timestamptz(3) NOT NULL DEFAULT to_timestamp(0);
UPDATE last_observed AS l SET received_at = p.received_at
FROM (
  SELECT company_id, data_source_id, max(received_at) AS received_at FROM processed_event
  GROUP BY company_id, data_source_id
) AS p
WHERE l.company_id = p.company_id AND l.data_source_id = p.data_source_id;
