-- Up Migration

-- What more of a measurement means, as judged by its name: written anew when the name or the setting POLARITY changes.
CREATE TABLE measurement_meaning (
  source_measurement_id int PRIMARY KEY,
  measurement_name text NOT NULL,
  polarity text NOT NULL CHECK (polarity IN ('good', 'bad', 'neither')),
  weight double precision NOT NULL
);
CREATE VIEW meaning_view AS SELECT source_measurement_id, polarity, weight FROM measurement_meaning;

-- Newest first and best first, with what makes the order unique.
CREATE INDEX news_newest ON news (observed_at, news_id);
CREATE INDEX news_best ON news ((coalesce(importance, 0)), observed_at, news_id);

-- News items that people may read: all but those that are withheld or were dropped. subject_id and item_id are the keys as
-- series_view has them: hashed where no index can hold them.
CREATE VIEW news_view AS
SELECT n.news_id, n.event_id, n.kind, n.severity, n.company_id, n.data_source_id, n.source_measurement_id,
  n.company_measurement_id, n.subject_key, n.item_key, n.title, n.message, n.trigger_factor, n.previous, n.current,
  n.rule_id, n.rule_version, n.observed_at, n.created_at, coalesce(n.importance, 0) AS importance, n.importance_parts,
  n.facts, n.silent,
  CASE WHEN octet_length(n.subject_key) <= 1000 THEN n.subject_key
    ELSE 'sha256:' || encode(sha256(convert_to(n.subject_key, 'UTF8')), 'hex') END AS subject_id,
  CASE WHEN octet_length(n.item_key) <= 1000 THEN n.item_key
    WHEN n.item_key IS NOT NULL THEN 'sha256:' || encode(sha256(convert_to(n.item_key, 'UTF8')), 'hex') END AS item_id
FROM news n WHERE NOT EXISTS (SELECT FROM withheld_news w WHERE w.news_id = n.news_id);

CREATE VIEW forecast_view AS
SELECT company_measurement_id, subject_key, nullif(item_key, '') AS item_key, steps, made_at, for_time, value, low, high,
  mean_error, model
FROM forecast;

-- every_ms: how often payloads usually come; null: not known yet.
CREATE VIEW feed_view AS
SELECT data_source_id, company_id, observed_at, live, (rhythm->>'step')::double precision AS every_ms FROM feed;
