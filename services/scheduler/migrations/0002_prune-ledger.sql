-- Up Migration

-- Rows older than LEDGER_DAYS are deleted: no record can come again by then.
CREATE INDEX processed_event_age ON processed_event (processed_at);
COMMENT ON VIEW event_status IS 'The finish records and counted payloads of the last LEDGER_DAYS; run.fed counts all there ever were.';
