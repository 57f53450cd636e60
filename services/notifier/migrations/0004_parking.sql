-- Up Migration

ALTER TABLE destination ADD failures int NOT NULL DEFAULT 0;
COMMENT ON COLUMN destination.failures IS 'Messages in a row that failed there.';
CREATE INDEX destination_closed ON destination (channel) WHERE parked_at IS NOT NULL OR unsubscribed_at IS NOT NULL;

-- Destinations that were parked, or work again; each row is gone when that is told.
CREATE TABLE parking (
  parking_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  destination_id int NOT NULL REFERENCES destination,
  resolved boolean NOT NULL,
  reason text NOT NULL,
  people int[] NOT NULL DEFAULT '{}',
  at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN parking.people IS 'Who hears there: public."user" ids.';
