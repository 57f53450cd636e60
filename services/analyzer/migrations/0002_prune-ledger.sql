-- Up Migration

-- Rows older than LEDGER_DAYS are deleted: no record can come again by then.
CREATE INDEX processed_event_age ON processed_event (processed_at);

-- Payloads judged in the last LEDGER_DAYS, and those that made news, which are kept. Both are written in one transaction,
-- so a payload has the same time in each.
CREATE OR REPLACE VIEW event_status AS
SELECT p.event_id,
  CASE WHEN w.parts > 0 THEN 'judging' ELSE 'judged' END AS stage,
  p.at,
  CASE WHEN n.news > 0 THEN n.news || ' news, ' || n.silent || ' of them silent' ELSE 'nothing that is news' END AS reason
FROM (
  SELECT event_id, max(at) AS at FROM (
    SELECT event_id, processed_at AS at FROM processed_event
    UNION ALL
    SELECT event_id, created_at FROM news
  ) known GROUP BY event_id
) p
CROSS JOIN LATERAL (SELECT count(*) AS parts FROM pending_part w WHERE w.event_id = p.event_id) w
CROSS JOIN LATERAL (
  SELECT count(*) AS news, count(*) FILTER (WHERE silent) AS silent FROM news n WHERE n.event_id = p.event_id
) n;
