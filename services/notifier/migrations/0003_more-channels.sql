-- Up Migration

ALTER TABLE notification
  DROP CONSTRAINT notification_kind_check,
  ADD CONSTRAINT notification_kind_check CHECK (kind IN ('news', 'ops', 'digest', 'test'));

-- Channels of kinds for which the type of public.notification_channel has no word. Their ids follow on those of public,
-- so that one id names one channel everywhere.
CREATE TABLE channel (
  channel_id int GENERATED ALWAYS AS IDENTITY (START WITH 1000000001) PRIMARY KEY,
  channel_type text NOT NULL,
  destination text NOT NULL,
  secret_id text,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- People are public."user" rows. No foreign key: it would put a trigger on a table that is not ours.
CREATE TABLE channel_subscription (
  user_id int NOT NULL,
  channel_id int NOT NULL REFERENCES channel ON DELETE CASCADE,
  channel_purpose text NOT NULL CHECK (channel_purpose IN ('NOTIFICATION', 'REPORT')),
  PRIMARY KEY (user_id, channel_id)
);

ALTER TABLE destination ADD parked_at timestamptz, ADD parked_reason text, ADD unsubscribed_at timestamptz;
COMMENT ON COLUMN destination.parked_at IS 'Nothing is sent there until somebody says that it works again.';
COMMENT ON COLUMN destination.unsubscribed_at IS 'The people there want no more messages.';
