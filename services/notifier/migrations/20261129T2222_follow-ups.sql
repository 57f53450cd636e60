-- Up Migration

ALTER TABLE delivery ADD COLUMN follows bigint;
COMMENT ON COLUMN delivery.follows IS 'The earlier delivery there that this one belongs to: the one that told of the incident that is over, or the first about the same series; null: there is none, or it is gone.';

ALTER TABLE notification ADD COLUMN series_id uuid;
COMMENT ON COLUMN notification.series_id IS 'The series that its first news item is about.';
CREATE INDEX notification_series ON notification (series_id) WHERE series_id IS NOT NULL;

ALTER TABLE ops_event ADD COLUMN ends uuid;
COMMENT ON COLUMN ops_event.ends IS 'The event that opened the incident that this one closes.';
CREATE INDEX ops_event_ends ON ops_event (ends) WHERE ends IS NOT NULL;
CREATE INDEX ops_event_open ON ops_event (hashtextextended(dedupe_key, 0)) WHERE NOT resolved;

-- What a message about operations told.
CREATE INDEX item_delivery_operations ON item_delivery (notification_id) WHERE company_id = 0;
