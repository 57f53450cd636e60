-- Up Migration

-- The changes that were asked for on ops.commands.v1, each once: the row is the ledger and the outcome.
CREATE TABLE change (
  change_id uuid PRIMARY KEY,
  kind text NOT NULL,
  actor text NOT NULL,
  content_hash text NOT NULL,
  state text NOT NULL CHECK (state IN ('done', 'refused')),
  message text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN change.message IS 'A sentence for whoever asked.';
COMMENT ON COLUMN change.content_hash IS 'The same id with another hash is another change under a key that is taken.';
CREATE INDEX change_age ON change (at);
CREATE VIEW change_view AS SELECT change_id, kind, actor, content_hash, state, message, at FROM change;

-- Who did what.
CREATE TABLE audit (
  audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  actor text NOT NULL,
  kind text NOT NULL,
  subject text NOT NULL,
  reason text,
  before jsonb,
  after jsonb,
  change_id uuid
);
COMMENT ON COLUMN audit.actor IS 'person:<id>, link:<id> (a link in a message), key:<name> or cli:<name>.';
COMMENT ON COLUMN audit.before IS 'What was there; null: nothing.';
COMMENT ON COLUMN audit.change_id IS 'Null: it was done by a command, or by the edge itself.';
CREATE INDEX audit_at ON audit (at);
CREATE VIEW audit_view AS SELECT audit_id, at, actor, kind, subject, reason, before, after, change_id FROM audit;

-- One series, the companies of a bucket, and quiet until it gets worse. item_key '': the series is of no list item.
ALTER TABLE mute
  ADD bucket_id int,
  ADD subject_key text,
  ADD item_key text,
  ADD worse_than jsonb;
COMMENT ON COLUMN mute.bucket_id IS 'The companies that are in it when there is a news item.';
COMMENT ON COLUMN mute.worse_than IS 'The news item that was muted: it ends at the first that is worse.';

-- What people say of news items.
CREATE TABLE feedback (
  user_id int NOT NULL,
  news_id uuid NOT NULL,
  opinion text CHECK (opinion IN ('useful', 'not_useful')),
  done_at timestamptz,
  snoozed_until timestamptz,
  company_id int NOT NULL,
  source_measurement_id int,
  changed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, news_id)
);
CREATE INDEX feedback_opinion ON feedback (user_id, source_measurement_id) WHERE opinion IS NOT NULL;

-- What people have set, for their pages. Channels are without their secrets.
CREATE VIEW person_subscription_view AS
SELECT subscription_id, user_id, company_id, bucket_id, data_source_id, min_severity, kinds, channel_id, created_at
FROM subscription;
CREATE VIEW person_mute_view AS
SELECT mute_id, user_id, company_id, bucket_id, data_source_id, source_measurement_id, subject_key, item_key, below,
  until, worse_than, created_at
FROM mute WHERE until IS NULL OR until > now();
CREATE VIEW person_quiet_view AS
SELECT quiet_hours_id, user_id, zone, to_char(begins, 'HH24:MI') AS begins, to_char(ends, 'HH24:MI') AS ends, days,
  critical_passes
FROM quiet_hours;
CREATE VIEW person_digest_view AS
SELECT user_id, bucket_id, rhythm, hour, weekday, zone, channel_id, changed_at FROM digest_policy;
CREATE VIEW person_channel_view AS
SELECT channel_id, channel_type, destination, user_id, channel_purpose
FROM channel JOIN channel_subscription USING (channel_id);
CREATE VIEW feedback_view AS
SELECT user_id, news_id, opinion, done_at, snoozed_until, company_id, source_measurement_id, changed_at FROM feedback;
