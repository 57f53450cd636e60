-- Up Migration

-- People, companies, buckets, sources and channels are rows of parma-web and may vanish: then nobody hears through them.

-- What people hear beside what they follow in parma-web: news that are all of what is given.
CREATE TABLE subscription (
  subscription_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id int NOT NULL,
  company_id int,
  bucket_id int,
  data_source_id int,
  min_severity text NOT NULL DEFAULT 'info' CHECK (min_severity IN ('info', 'warning', 'critical')),
  kinds text[],
  channel_id int,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN subscription.bucket_id IS 'The companies that are in it when there are news.';
COMMENT ON COLUMN subscription.kinds IS 'As News.kind; null: all.';
COMMENT ON COLUMN subscription.channel_id IS 'They are heard at this channel only; null: where the person hears alerts.';
CREATE INDEX subscription_user ON subscription (user_id);
CREATE INDEX subscription_company ON subscription (company_id);
CREATE INDEX subscription_bucket ON subscription (bucket_id) WHERE bucket_id IS NOT NULL;

-- What people do not hear, however they follow it: news that are all of what is given.
CREATE TABLE mute (
  mute_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id int NOT NULL,
  company_id int,
  data_source_id int,
  source_measurement_id int,
  below text CHECK (below IN ('warning', 'critical')),
  until timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN mute.below IS 'Only what is less severe.';
COMMENT ON COLUMN mute.until IS 'Null: until it is removed.';
CREATE INDEX mute_user ON mute (user_id);

-- When people want no messages, by the clocks where they are. What comes then waits for the end.
CREATE TABLE quiet_hours (
  quiet_hours_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id int NOT NULL,
  zone text NOT NULL,
  begins time NOT NULL,
  ends time NOT NULL,
  days int[],
  critical_passes boolean NOT NULL DEFAULT true
);
COMMENT ON COLUMN quiet_hours.zone IS 'IANA name of a time zone, such as Europe/Berlin.';
COMMENT ON COLUMN quiet_hours.ends IS 'Not after begins: of the next day.';
COMMENT ON COLUMN quiet_hours.days IS 'Days on which they begin, 1 is Monday; null: all.';
CREATE INDEX quiet_hours_user ON quiet_hours (user_id);

-- Operational events go the way of news.
ALTER TABLE ops_event ADD assigned_at timestamptz;
UPDATE ops_event SET assigned_at = received_at WHERE notification_id IS NOT NULL;
ALTER TABLE ops_event DROP COLUMN notification_id;
CREATE INDEX ops_event_new ON ops_event (received_at) WHERE assigned_at IS NULL;
COMMENT ON COLUMN ops_event.assigned_at IS 'When it was decided who hears it where; null: that is still to come.';
