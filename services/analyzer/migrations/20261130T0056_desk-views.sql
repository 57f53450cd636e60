-- Up Migration

-- The last incident of each kind, source and company (null: the whole source), in words. resolved_at null: it goes on.
CREATE VIEW incident_text_view AS
SELECT kind, data_source_id, company_id, subject, message, opened_at, resolved_at FROM incident;

-- A run whose payloads look like what a broken source makes: its news items are withheld until an operator decides.
CREATE VIEW suspect_run_view AS
SELECT run_no, data_source_id, task_id, message, companies_alike, companies_judged, suspected_at
FROM judged_run WHERE state = 'suspect';
