-- Up Migration

-- Since when people who have set nothing get what the defaults say: own subscriptions of before are as they were.
CREATE TABLE default_start (since timestamptz NOT NULL);
INSERT INTO default_start VALUES (now());

-- The alerts of a day are counted.
CREATE INDEX item_delivery_assigned ON item_delivery USING brin (assigned_at);
