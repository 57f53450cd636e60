-- Up Migration

-- Measurements that were looked at when rules were seeded. What people did to their rules since then stays as it is, also
-- where they took the rule away.
CREATE TABLE seeded_rule (
  -- public.source_measurement.id; no foreign key, which would put triggers on a table of parma-web
  source_measurement_id int PRIMARY KEY,
  seeded_at timestamptz NOT NULL DEFAULT now()
);
