-- Up Migration

-- What a message tells, for the topic notify.told.v1: after a restore of Postgres it says what was told since.
ALTER TABLE notification ADD COLUMN tells jsonb;
COMMENT ON COLUMN notification.tells IS '{"items": [[id, company_id]], "digest": {…}}: news items or events of operations, company 0; of a digest, which it is. Null: neither, or a message from before there was this column.';
