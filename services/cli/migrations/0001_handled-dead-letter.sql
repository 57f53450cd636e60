-- Up Migration

-- Dead letters that somebody replayed or dropped; all others are open. The time a letter was written is part of what it is:
-- in a cluster that was set up anew its offset belongs to another one.
CREATE TABLE handled_dead_letter (
  topic text NOT NULL,
  partition int NOT NULL,
  "offset" bigint NOT NULL,
  written_at timestamptz NOT NULL,
  action text NOT NULL CHECK (action IN ('replayed', 'dropped')),
  reason text NOT NULL,
  event_id text,
  handled_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, partition, "offset", written_at)
);
