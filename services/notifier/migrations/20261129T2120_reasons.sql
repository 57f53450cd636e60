-- Up Migration

-- Why people who follow the company got no alert: [{"reason", "people": [public."user".id], …}], written with assigned_at.
-- Null: not decided yet, it is unverified, or that was decided before reasons were recorded.
ALTER TABLE news_item ADD COLUMN left_out jsonb;
COMMENT ON COLUMN news_item.left_out IS 'Reasons: uncovered, unimportant, no_channel, muted, daily_limit, cool_down.';

ALTER TABLE item_delivery ADD COLUMN held_until timestamptz;
COMMENT ON COLUMN item_delivery.held_until IS 'When the quiet hours of then end, which hold it; null: none do.';

ALTER TABLE mute ADD COLUMN created_by text;
COMMENT ON COLUMN mute.created_by IS 'As in audit.actor. Null: a version of before set it.';

-- What the notifier makes of a news item. due_at: when it decides who gets it; null: that is done.
CREATE VIEW news_plan_view AS
SELECT n.news_id, n.received_at, n.assigned_at, CASE WHEN n.assigned_at IS NULL THEN g.due_at END AS due_at, n.unheard,
  n.left_out IS NOT NULL AS has_reasons
FROM news_item n JOIN news_group g USING (group_id);

-- What became of a news item for a person. way `alert`: at a destination, whether or not it is kept back there; `left_out`:
-- why there was no alert; `digest`: it was in one. Each names only what its way has.
CREATE VIEW person_news_view AS
SELECT i.item_id AS news_id, (p ->> 'id')::int AS user_id, 'alert' AS way, i.kept_back AS reason,
  jsonb_build_object('through', coalesce(p -> 'through', '[]')) AS facts, i.assigned_at AS at, t.channel, t.address,
  CASE WHEN i.kept_back IS NULL THEN coalesce(d.state, 'waiting') END AS state, d.reason AS trouble,
  coalesce(d.settled_at, d.due_at, b.due_at) AS state_at, b.due_at IS NOT NULL AND b.is_held AS is_held, i.held_until,
  t.problem, t.parked_at, t.parked_reason, t.unsubscribed_at
FROM item_delivery i
CROSS JOIN LATERAL jsonb_array_elements(i.people) AS p
JOIN destination t USING (destination_id)
LEFT JOIN bundle b ON i.notification_id IS NULL AND b.destination_id = i.destination_id AND b.company_id = i.company_id
LEFT JOIN delivery d ON d.notification_id = i.notification_id AND d.destination_id = i.destination_id
UNION ALL
SELECT n.news_id, u.id::int, 'left_out', l ->> 'reason', l - 'people' - 'reason', n.assigned_at, NULL, NULL, NULL, NULL,
  NULL, false, NULL, NULL, NULL, NULL, NULL
FROM news_item n
CROSS JOIN LATERAL jsonb_array_elements(n.left_out) AS l
CROSS JOIN LATERAL jsonb_array_elements_text(l -> 'people') AS u (id)
UNION ALL
SELECT i.news_id, i.user_id, 'digest', g.state,
  jsonb_build_object('period', g.period, 'bucket_id', g.bucket_id, 'digest_id', g.digest_id), i.made_at, t.channel,
  t.address, d.state, d.reason, coalesce(d.settled_at, d.due_at), false, NULL, t.problem, t.parked_at, t.parked_reason,
  t.unsubscribed_at
FROM digest_item i
JOIN digest g USING (user_id, bucket_id, period)
LEFT JOIN delivery d ON d.notification_id = g.digest_id
LEFT JOIN destination t USING (destination_id);

-- What holds for people who have set nothing, as the notifier that started last has it. Empty: not set.
CREATE VIEW setting_view AS
SELECT name, value, noted_at FROM digest_setting
WHERE name IN ('DIGEST_ZONE', 'DIGEST_HOUR', 'DIGEST_WEEKDAY', 'DIGEST_ALL_QUIET', 'WEEKLY_REPORT_CLOCK',
  'ALERT_IMPORTANCE', 'ALERTS_PER_DAY', 'ALERT_QUIET_HOURS');
