-- Up Migration

-- Operational events, written in the transaction of what they report and published in this order by
-- services/runtime/outbox/outbox.ts. `event` is the record as it is published.
CREATE TABLE outbox (
  outbox_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id uuid NOT NULL UNIQUE,
  event jsonb NOT NULL,
  written_at timestamptz NOT NULL DEFAULT now(),
  published_at timestamptz
);
CREATE INDEX outbox_unpublished ON outbox (outbox_no) WHERE published_at IS NULL;

ALTER TABLE parking ADD is_reported boolean NOT NULL DEFAULT false;
COMMENT ON TABLE parking IS 'Destinations that were parked; each row is gone when its people are told at their others.';
COMMENT ON COLUMN parking.is_reported IS 'The event is in the outbox; false: a notifier from before the outbox wrote the row.';
