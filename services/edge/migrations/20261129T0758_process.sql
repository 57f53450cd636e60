-- Up Migration

-- The edges that run. Each writes its row every ten seconds, and when it begins to let modules wait (cli.feed_hold).
CREATE TABLE process (
  process_id uuid PRIMARY KEY,
  -- For people: host and port.
  name text NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT now(),
  -- The hold that this row is about.
  hold_id uuid,
  -- waiting: sends nothing any more. gave-way: sends again, for the reason.
  hold_state text CHECK (hold_state IN ('waiting', 'gave-way')),
  reason text
);
