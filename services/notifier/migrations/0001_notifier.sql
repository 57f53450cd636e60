-- Up Migration

-- The ledger: news and operational events whose effect is in the tables below.
CREATE TABLE processed_event (
  event_id uuid NOT NULL,
  replay_id text NOT NULL DEFAULT '',
  part int NOT NULL DEFAULT 1,
  content_hash text NOT NULL,
  processed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (event_id, replay_id, part)
);

-- The news of one payload. `seen` counts silent news too, so that a group knows when it is complete.
-- A news that comes after its group was told opens the next round.
CREATE TABLE news_group (
  group_id uuid PRIMARY KEY,
  company_id int NOT NULL,
  data_source_id int NOT NULL,
  task_id int,
  size int NOT NULL,
  seen int NOT NULL DEFAULT 0,
  round int NOT NULL DEFAULT 1,
  first_at timestamptz NOT NULL DEFAULT now(),
  due_at timestamptz
);
COMMENT ON COLUMN news_group.due_at IS 'When what is not told yet is told, complete or not; null: there is nothing to tell.';
CREATE INDEX news_group_due ON news_group (due_at) WHERE due_at IS NOT NULL;

-- What is said, once, whatever the number of people and channels.
CREATE TABLE notification (
  notification_id uuid PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('news', 'ops')),
  group_id uuid REFERENCES news_group,
  company_id int,
  data_source_id int,
  message jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  told_at timestamptz
);
COMMENT ON COLUMN notification.message IS 'The text, for no channel in particular: every attempt says the same.';
CREATE INDEX notification_group ON notification (group_id);

-- News worth telling. Which notification tells it is written before anything is sent.
CREATE TABLE news_item (
  news_id uuid PRIMARY KEY,
  group_id uuid NOT NULL REFERENCES news_group,
  group_index int NOT NULL,
  severity text NOT NULL,
  kind text NOT NULL,
  title text NOT NULL,
  message text NOT NULL,
  trigger_factor double precision,
  previous text,
  current text,
  source_measurement_id int NOT NULL,
  item_key text,
  observed_at timestamptz NOT NULL,
  dedupe_key text NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  notification_id uuid REFERENCES notification
);
CREATE INDEX news_item_group ON news_item (group_id);

-- Stories of operations: each is told when it begins and when it is over.
CREATE TABLE ops_story (
  dedupe_key text PRIMARY KEY,
  is_open boolean NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE ops_event (
  event_id uuid PRIMARY KEY,
  dedupe_key text NOT NULL,
  kind text NOT NULL,
  service text NOT NULL,
  data_source_id int,
  subject text NOT NULL,
  message text NOT NULL,
  resolved boolean NOT NULL,
  at timestamptz NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  notification_id uuid REFERENCES notification
);
CREATE INDEX ops_event_untold ON ops_event (received_at) WHERE notification_id IS NULL;

-- Where messages go. Its row is the lock that lets one message at a time through, over all processes.
CREATE TABLE destination (
  destination_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  channel text NOT NULL,
  address text NOT NULL,
  secret_id text NOT NULL DEFAULT '',
  free_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (channel, address, secret_id)
);
COMMENT ON COLUMN destination.free_at IS 'No message is sent there before: one is under way, or the channel asked us to wait.';
CREATE INDEX destination_free ON destination (channel, free_at);

-- The delivery ledger: one notification at one destination.
CREATE TABLE delivery (
  delivery_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  notification_id uuid NOT NULL REFERENCES notification,
  destination_id int NOT NULL REFERENCES destination,
  people jsonb NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'sending', 'sent', 'failed', 'unknown')),
  due_at timestamptz,
  claim int NOT NULL DEFAULT 0,
  holder uuid,
  reason text,
  reference text,
  created_at timestamptz NOT NULL DEFAULT now(),
  settled_at timestamptz,
  UNIQUE (notification_id, destination_id)
);
COMMENT ON COLUMN delivery.people IS 'Who hears it there: [{"id", "name"}].';
COMMENT ON COLUMN delivery.due_at IS 'pending: when to send; sending: when its claim lapses; unknown: when to look it up; null: never.';
COMMENT ON COLUMN delivery.claim IS 'Rises with each claim; what is written back under an older one does not count.';
COMMENT ON COLUMN delivery.holder IS 'The loop that claimed it last.';
COMMENT ON COLUMN delivery.reference IS 'What the channel calls the message.';
CREATE INDEX delivery_due ON delivery (destination_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX delivery_sending ON delivery (due_at) WHERE state = 'sending';

-- Every call to a channel and what came of it.
CREATE TABLE attempt (
  attempt_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  delivery_id bigint NOT NULL REFERENCES delivery,
  claim int NOT NULL,
  action text NOT NULL CHECK (action IN ('send', 'find')),
  outcome text NOT NULL,
  detail text,
  took_ms int,
  ended_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX attempt_delivery ON attempt (delivery_id);

-- How far the news of a raw payload came, one row per event that made news.
CREATE VIEW event_status AS
SELECT g.group_id AS event_id,
  CASE
    WHEN d.sent > 0 THEN 'notified'
    WHEN d.unknown > 0 THEN 'notification-unknown'
    WHEN d.waiting > 0 OR g.due_at IS NOT NULL THEN 'notifying'
    WHEN d.failed > 0 THEN 'notification-failed'
    WHEN EXISTS (SELECT FROM news_item i WHERE i.group_id = g.group_id) THEN 'nobody-to-notify'
    ELSE 'silent'
  END AS stage,
  coalesce(d.at, g.first_at) AS at,
  CASE
    WHEN d.total > 0 THEN d.reason
    WHEN g.due_at IS NOT NULL THEN NULL
    WHEN EXISTS (SELECT FROM news_item i WHERE i.group_id = g.group_id) THEN 'nobody who follows the company has a channel'
    ELSE 'history, a replay or first values: kept as news, nobody is messaged'
  END AS reason
FROM news_group g
CROSS JOIN LATERAL (
  SELECT count(*) AS total,
    count(*) FILTER (WHERE state = 'sent') AS sent,
    count(*) FILTER (WHERE state = 'unknown') AS unknown,
    count(*) FILTER (WHERE state IN ('pending', 'sending')) AS waiting,
    count(*) FILTER (WHERE state = 'failed') AS failed,
    coalesce(min(settled_at) FILTER (WHERE state = 'sent'), max(settled_at), max(d.created_at)) AS at,
    string_agg(DISTINCT d.reason, '; ') FILTER (WHERE state <> 'sent') AS reason
  FROM notification n JOIN delivery d USING (notification_id)
  WHERE n.group_id = g.group_id
) d;

-- Every message and how it stands, without the people and addresses it is for.
CREATE VIEW delivery_status AS
SELECT d.delivery_id, n.notification_id, n.kind, n.group_id AS event_id, t.channel, d.state, d.reason, d.created_at, d.settled_at
FROM delivery d JOIN notification n USING (notification_id) JOIN destination t USING (destination_id);
