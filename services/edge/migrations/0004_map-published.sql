-- Up Migration

-- When Kafka confirmed the version. Only from then on do payloads ask for it: one that nobody can read would be waited for
-- in vain.
ALTER TABLE normalization_map ADD COLUMN published_at timestamptz;
UPDATE normalization_map SET published_at = received_at;
