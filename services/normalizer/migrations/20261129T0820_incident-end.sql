-- Up Migration

-- An incident ends when a payload of the company that showed it is right again, and the same row begins again when one is
-- not. The columns event_no, seen_at, message, facts and policy are of its last beginning.
ALTER TABLE drift ADD COLUMN company_id text GENERATED ALWAYS AS (facts ->> 'company_id') STORED;
ALTER TABLE drift ADD COLUMN ended_at timestamptz;
CREATE INDEX drift_open ON drift (data_source_id, company_id) WHERE ended_at IS NULL;

-- How many incidents of a source wanted to begin on a day (UTC): drift and faults of maps, or refused payloads. Those
-- beyond the maximum of a day are left out, which is reported once.
CREATE TABLE incident_day (
  data_source_id int,
  class text CHECK (class IN ('drift', 'refused')),
  day date,
  asked int NOT NULL,
  PRIMARY KEY (data_source_id, class, day)
);
