-- Up Migration

CREATE VIEW run_view AS
SELECT task_id, data_source_id, schedule_type, slot, attempt, started_at, finished_at, settled_at, fed, error_count, outcome,
  reason
FROM run;

CREATE VIEW company_source_view AS
SELECT data_source_id, company_id, fed, last_fed_at, failed_runs, reason FROM company_source;
