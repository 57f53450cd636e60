-- Up Migration

-- What is done when a source drifts: ignore, tell, or tell and pause the source. '' is any kind, any path; the most
-- specific row counts, and without one drift is told.
CREATE TABLE drift_policy (
  data_source_id int,
  kind text,
  path text,
  policy text NOT NULL CHECK (policy IN ('ignore', 'tell', 'pause')),
  PRIMARY KEY (data_source_id, kind, path)
);
-- The policy of the day it was seen.
ALTER TABLE drift ADD COLUMN policy text NOT NULL DEFAULT 'tell';

-- Leaves of a mapped path by day of arrival, and how many of them were null.
CREATE TABLE path_day (
  data_source_id int,
  path text,
  day date,
  leaves bigint NOT NULL,
  nulls bigint NOT NULL,
  PRIMARY KEY (data_source_id, path, day)
) WITH (fillfactor = 70);
