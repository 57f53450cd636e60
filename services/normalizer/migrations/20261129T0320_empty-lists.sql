-- Up Migration

-- Lists that a payload says are empty, by path and item around them; null if there are none. The payload's observation is
-- rebuilt from it.
ALTER TABLE processed_event ADD COLUMN empty_lists jsonb;
