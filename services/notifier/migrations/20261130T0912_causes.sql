-- Up Migration

-- Where messages come from: for the time from a payload to its message, and for its trace.
ALTER TABLE news_group ADD COLUMN payload_received_at timestamptz, ADD COLUMN traceparent text;
COMMENT ON COLUMN news_group.payload_received_at IS 'When the edge received the payload; null: it is no live one, or its news items were withheld.';
ALTER TABLE notification ADD COLUMN payload_received_at timestamptz, ADD COLUMN traceparents text[];
COMMENT ON COLUMN notification.payload_received_at IS 'When the first payload was received that it is about; null: not known, or the message waited for its readers.';
COMMENT ON COLUMN notification.traceparents IS 'W3C trace contexts of the news items in it.';
