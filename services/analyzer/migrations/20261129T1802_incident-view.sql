-- Up Migration

-- The last incident of each kind, source and company (null: the whole source). resolved_at null: it goes on.
CREATE VIEW incident_view AS SELECT kind, data_source_id, company_id, opened_at, resolved_at FROM incident;
