-- Up Migration

-- To count the companies of a source that have had payloads, up to a few.
CREATE INDEX payload_trace_company ON payload_trace (data_source_id, company_id);
