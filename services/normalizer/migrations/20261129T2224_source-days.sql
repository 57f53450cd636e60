-- Up Migration

-- What a source has sent on some days. Rows come in the order of received_at, so that the index grows at its end.
CREATE INDEX processed_event_source ON processed_event (data_source_id, received_at);
