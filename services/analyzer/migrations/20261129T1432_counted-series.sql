-- Up Migration

-- event_no: that of its values in normalizer.value. is_dropped: it was withheld until its run was dropped. `series` of a
-- dropped payload that is not flagged: the keys of those that never count.
ALTER TABLE withheld_payload ADD event_no bigint, ADD is_dropped boolean NOT NULL DEFAULT false;
UPDATE withheld_payload p SET event_no = e.content_hash::bigint
FROM processed_event e WHERE e.event_id = p.event_id AND e.replay_id = '' AND e.content_hash ~ '^[0-9]+$';
UPDATE withheld_payload p SET is_dropped = true
FROM judged_run r WHERE r.run_no = p.run_no AND r.state = 'dropped' AND p.is_settled AND p.is_flagged;

-- Hardly any payload is in it.
CREATE INDEX withheld_payload_uncounted ON withheld_payload (event_no) WHERE NOT is_settled OR is_dropped;

-- The same view, also with payloads of which only some series do not count. `series` null: no value of it counts.
CREATE OR REPLACE VIEW uncounted_payload AS
SELECT p.event_id, p.company_id, p.data_source_id, p.subject_key, p.observed_at, p.event_no,
  CASE WHEN NOT p.is_flagged THEN p.series END AS series
FROM withheld_payload p
WHERE (NOT p.is_settled OR p.is_dropped) AND (p.is_flagged OR p.series <> '[]');

-- is_changed: no payload has come, but what counts of those before has changed.
ALTER TABLE feed_due ADD is_changed boolean NOT NULL DEFAULT false;
