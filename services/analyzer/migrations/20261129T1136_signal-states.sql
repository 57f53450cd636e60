-- Up Migration

-- What the detectors remember of a series of numbers (services/analyzer/values/signal-bytes.ts). Null where a rule
-- covers the measurement, and for what was written by an earlier version: it is then rebuilt from normalizer.value.
-- Bytes of another event_no are not read. Too large to be compressed fast, too small to be moved out of the row.
ALTER TABLE series_state ADD COLUMN signal bytea;
ALTER TABLE series_state ALTER COLUMN signal SET STORAGE MAIN;
COMMENT ON COLUMN series_state.state IS
  'last: the value; recent: the newest numbers, oldest first; at: when they were observed, where a rule asks for that; fired: how it last fired; rules: what rules remember of it, by rule_id; said: what the detectors said of the last value.';
