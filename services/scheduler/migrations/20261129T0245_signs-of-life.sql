-- Up Migration

ALTER TABLE run
  -- The process that holds the open call to the module writes the time here every few seconds.
  ADD call_seen_at timestamptz;
