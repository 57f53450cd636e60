-- Up Migration

-- The same view, with whether a digest is wanted also when there is no news item.
CREATE OR REPLACE VIEW person_digest_view AS
SELECT user_id, bucket_id, rhythm, hour, weekday, zone, channel_id, changed_at, all_quiet FROM digest_policy;

COMMENT ON COLUMN quiet_hours.days IS 'Days on which they begin, 1 is Monday; null: all; none: the person wants no quiet hours at all.';

-- The state of what channels lead to. secret_id: a name, not the secret.
CREATE VIEW destination_view AS
SELECT channel, address, secret_id, problem, parked_at, parked_reason, unsubscribed_at, failures FROM destination;
