-- Up Migration

-- The delivery log with its messages, for operators.
CREATE VIEW delivery_view AS
SELECT d.delivery_id, d.notification_id, d.destination_id, n.kind, n.company_id, n.data_source_id, n.message, t.channel,
  t.address, d.people, d.state, d.reason, d.reference, d.created_at, d.settled_at, d.due_at
FROM delivery d JOIN notification n USING (notification_id) JOIN destination t USING (destination_id);

CREATE VIEW attempt_view AS
SELECT attempt_id, delivery_id, ended_at, action, outcome, detail, took_ms FROM attempt;

-- What a message tells. event_id: the payload of a news item, or the event of operations itself.
CREATE VIEW told_item_view AS
SELECT i.notification_id, i.destination_id, i.item_id, coalesce(w.group_id, i.item_id) AS event_id
FROM item_delivery i LEFT JOIN news_item w ON w.news_id = i.item_id
WHERE i.notification_id IS NOT NULL;
CREATE INDEX item_delivery_told ON item_delivery (notification_id) WHERE notification_id IS NOT NULL;

CREATE OR REPLACE VIEW destination_view AS
SELECT channel, address, secret_id, problem, parked_at, parked_reason, unsubscribed_at, failures, destination_id
FROM destination;
