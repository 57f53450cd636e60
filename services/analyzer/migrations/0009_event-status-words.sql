-- Up Migration

-- The same view, with the reason in plain words: "1 news item, 0 silent".
CREATE OR REPLACE VIEW event_status AS
SELECT p.event_id,
  CASE WHEN w.parts > 0 THEN 'judging' ELSE 'judged' END AS stage,
  p.at,
  CASE
    WHEN n.news = 1 THEN '1 news item, ' || n.silent || ' silent'
    WHEN n.news > 0 THEN n.news || ' news items, ' || n.silent || ' silent'
    ELSE 'no news'
  END AS reason
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
