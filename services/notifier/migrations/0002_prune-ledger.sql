-- Up Migration

-- Rows older than LEDGER_DAYS are deleted: no record can come again by then.
CREATE INDEX processed_event_age ON processed_event (processed_at);
