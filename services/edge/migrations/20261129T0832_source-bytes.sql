-- Up Migration

-- Bytes that each source has sent per day (UTC), added up over all edges. Days are kept for a month.
CREATE TABLE source_bytes (
  day date NOT NULL,
  -- public.data_source.id; no foreign key, which would put triggers on a table of parma-web
  data_source_id int NOT NULL,
  bytes bigint NOT NULL,
  -- When operators were told that the source has reached its limit on this day.
  told_at timestamptz,
  PRIMARY KEY (day, data_source_id)
);
