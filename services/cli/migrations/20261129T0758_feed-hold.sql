-- Up Migration

-- While `until` has not passed, every edge lets modules wait instead of sending what they feed to Kafka. One row or none.
CREATE TABLE feed_hold (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  hold_id uuid NOT NULL DEFAULT gen_random_uuid(),
  until timestamptz NOT NULL,
  reason text NOT NULL,
  begun_at timestamptz NOT NULL DEFAULT now()
);
