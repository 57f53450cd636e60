-- Up Migration

-- Incidents that have ended. The table `incident` has one row for each key, which the next one of it takes over.
CREATE TABLE past_incident (
  kind text NOT NULL,
  data_source_id int NOT NULL,
  company_id int,
  opened_at timestamptz NOT NULL,
  resolved_at timestamptz NOT NULL
);
CREATE INDEX past_incident_source ON past_incident (data_source_id, opened_at);

-- Each incident that a source or a company (null: the whole source) had. resolved_at null: it goes on.
CREATE OR REPLACE VIEW incident_view AS
SELECT kind, data_source_id, company_id, opened_at, resolved_at FROM incident
UNION
SELECT kind, data_source_id, company_id, opened_at, resolved_at FROM past_incident;
