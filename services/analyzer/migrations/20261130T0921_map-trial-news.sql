-- Up Migration

-- Which news items a trial of a map (normalizer.map_trial) would and would not make.
CREATE TABLE map_trial_news (
  trial_id uuid PRIMARY KEY,
  state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'failed')),
  news jsonb,
  left_out int NOT NULL DEFAULT 0,
  message text NOT NULL DEFAULT '',
  attempts int NOT NULL DEFAULT 1,
  leased_until timestamptz NOT NULL,
  made_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN map_trial_news.news IS 'gained, lost and same: those that only one of the maps makes, and how many both do.';
COMMENT ON COLUMN map_trial_news.left_out IS 'So many news items have no room in news.';
COMMENT ON COLUMN map_trial_news.message IS 'Why they could not be judged.';
CREATE VIEW map_trial_news_view AS
SELECT trial_id, state, news, left_out, message FROM map_trial_news WHERE state <> 'running';
