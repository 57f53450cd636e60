-- Up Migration

-- Kinds of channels of which no message gets out for a reason that is ours, as a key that is refused.
CREATE TABLE trouble (
  channel text PRIMARY KEY,
  since timestamptz NOT NULL DEFAULT now(),
  is_told boolean NOT NULL DEFAULT false
);

ALTER TABLE parking ALTER destination_id DROP NOT NULL, ADD channel text;
COMMENT ON COLUMN parking.channel IS 'The kind of channel, where it is not about one destination.';
