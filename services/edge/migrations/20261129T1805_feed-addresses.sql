-- Up Migration

-- The version of a person's feed addresses: raising it ends those that were given out. No row: 1.
CREATE TABLE feed_address (
  user_id int PRIMARY KEY,
  version int NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now()
);
