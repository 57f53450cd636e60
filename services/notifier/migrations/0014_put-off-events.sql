-- Up Migration

ALTER TABLE ops_event ADD put_off_until timestamptz;
COMMENT ON COLUMN ops_event.put_off_until IS 'It could not be assigned, which is tried again then; null: it was not tried.';
