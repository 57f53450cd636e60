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
