-- Up Migration

DROP VIEW event_status;
DROP VIEW delivery_status;

-- What waits to be told at one destination about one company, and becomes one message there.
CREATE TABLE bundle (
  destination_id int NOT NULL REFERENCES destination,
  company_id int NOT NULL,
  due_at timestamptz,
  is_held boolean NOT NULL DEFAULT false,
  told_at timestamptz,
  PRIMARY KEY (destination_id, company_id)
);
COMMENT ON COLUMN bundle.company_id IS 'public.company.id; 0: operations.';
COMMENT ON COLUMN bundle.due_at IS 'When what waits is told; null: nothing waits.';
COMMENT ON COLUMN bundle.is_held IS 'It waits for the end of quiet hours: then all held bundles of the destination are one message.';
COMMENT ON COLUMN bundle.told_at IS 'When the last message was made.';
CREATE INDEX bundle_due ON bundle (due_at) WHERE due_at IS NOT NULL;

-- Who hears what where: one news, or event of operations, at one destination. No foreign keys to items, of which there are
-- two kinds.
CREATE TABLE item_delivery (
  item_id uuid NOT NULL,
  destination_id int NOT NULL REFERENCES destination,
  company_id int NOT NULL,
  people jsonb NOT NULL,
  kept_back text,
  assigned_at timestamptz NOT NULL DEFAULT now(),
  notification_id uuid REFERENCES notification,
  PRIMARY KEY (item_id, destination_id)
);
COMMENT ON COLUMN item_delivery.item_id IS 'news_item.news_id or ops_event.event_id.';
COMMENT ON COLUMN item_delivery.people IS 'Who hears it there and what they follow: [{"id", "name", "through"}].';
COMMENT ON COLUMN item_delivery.kept_back IS 'Why it is not told there, now or later; null: it is.';
COMMENT ON COLUMN item_delivery.notification_id IS 'The message that tells it; null: it waits in its bundle.';
CREATE INDEX item_delivery_waiting ON item_delivery (destination_id, company_id)
  WHERE notification_id IS NULL AND kept_back IS NULL;

INSERT INTO item_delivery (item_id, destination_id, company_id, people, assigned_at, notification_id)
SELECT i.news_id, d.destination_id, n.company_id, d.people, n.created_at, n.notification_id
FROM news_item i JOIN notification n USING (notification_id) JOIN delivery d USING (notification_id)
UNION ALL
SELECT e.event_id, d.destination_id, 0, d.people, n.created_at, n.notification_id
FROM ops_event e JOIN notification n USING (notification_id) JOIN delivery d USING (notification_id);

ALTER TABLE news_item ADD assigned_at timestamptz, ADD unheard text;
UPDATE news_item SET assigned_at = received_at WHERE notification_id IS NOT NULL;
ALTER TABLE news_item DROP COLUMN notification_id;
COMMENT ON COLUMN news_item.assigned_at IS 'When it was decided who hears it where; null: that is still to come.';
COMMENT ON COLUMN news_item.unheard IS 'Why nobody hears it.';
CREATE INDEX news_item_story ON news_item (hashtextextended(dedupe_key, 0));

ALTER TABLE news_group DROP COLUMN round;
ALTER TABLE notification DROP COLUMN group_id;

-- What is wrong with an address, found when it was first used: nothing is sent there.
ALTER TABLE destination ADD problem text;

-- How far the news of a raw payload came, one row per event that made news.
CREATE VIEW event_status AS
SELECT g.group_id AS event_id,
  CASE
    WHEN d.sent > 0 THEN 'notified'
    WHEN d.unknown > 0 THEN 'notification-unknown'
    WHEN d.waiting > 0 OR d.held > 0 OR g.due_at IS NOT NULL THEN 'notifying'
    WHEN d.failed > 0 THEN 'notification-failed'
    WHEN d.kept_back > 0 THEN 'kept-back'
    WHEN i.items > 0 THEN 'nobody-to-notify'
    ELSE 'silent'
  END AS stage,
  coalesce(d.at, g.first_at) AS at,
  CASE
    WHEN d.total > 0 THEN nullif(concat_ws('; ', d.reason,
      CASE WHEN d.held > 0 THEN to_char(d.due_at AT TIME ZONE 'UTC', '"held until "YYYY-MM-DD HH24:MI" UTC"') END,
      CASE WHEN d.kept_back > 0 THEN d.why_kept_back END), '')
    WHEN g.due_at IS NOT NULL THEN NULL
    WHEN i.items > 0 THEN i.unheard
    ELSE 'history, a replay or first values: kept as news, nobody is messaged'
  END AS reason
FROM news_group g
CROSS JOIN LATERAL (
  SELECT count(*) AS items, coalesce(string_agg(DISTINCT unheard, '; '), 'nobody who follows the company has a channel') AS unheard
  FROM news_item WHERE group_id = g.group_id
) i
CROSS JOIN LATERAL (
  SELECT count(*) AS total,
    count(*) FILTER (WHERE d.state = 'sent') AS sent,
    count(*) FILTER (WHERE d.state = 'unknown') AS unknown,
    count(*) FILTER (WHERE d.state IN ('pending', 'sending')) AS waiting,
    count(*) FILTER (WHERE d.state = 'failed') AS failed,
    count(*) FILTER (WHERE t.notification_id IS NULL AND t.kept_back IS NULL) AS held,
    min(b.due_at) FILTER (WHERE t.notification_id IS NULL AND t.kept_back IS NULL) AS due_at,
    count(*) FILTER (WHERE t.kept_back IS NOT NULL) AS kept_back,
    string_agg(DISTINCT t.kept_back, '; ') AS why_kept_back,
    coalesce(min(d.settled_at) FILTER (WHERE d.state = 'sent'), max(d.settled_at), max(d.created_at), max(t.assigned_at)) AS at,
    string_agg(DISTINCT d.reason, '; ') FILTER (WHERE d.state <> 'sent') AS reason
  FROM news_item n
  JOIN item_delivery t ON t.item_id = n.news_id
  LEFT JOIN delivery d USING (notification_id, destination_id)
  LEFT JOIN bundle b ON b.destination_id = t.destination_id AND b.company_id = t.company_id
  WHERE n.group_id = g.group_id
) d;

-- Every message and how it stands, without the people and addresses it is for: a message that tells of several events has
-- one row for each, one that tells of none has one.
CREATE VIEW delivery_status AS
SELECT DISTINCT d.delivery_id, n.notification_id, n.kind, i.group_id AS event_id, t.channel, d.state, d.reason, d.created_at, d.settled_at
FROM news_item i
JOIN item_delivery a ON a.item_id = i.news_id
JOIN delivery d USING (notification_id, destination_id)
JOIN notification n USING (notification_id)
JOIN destination t USING (destination_id)
UNION ALL
SELECT d.delivery_id, n.notification_id, n.kind, NULL, t.channel, d.state, d.reason, d.created_at, d.settled_at
FROM delivery d JOIN notification n USING (notification_id) JOIN destination t USING (destination_id)
WHERE n.kind <> 'news';
