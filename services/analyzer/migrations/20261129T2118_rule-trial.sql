-- Up Migration

-- What a rule that somebody tried on a series would have told: the answer to a change `analyzer.rule.try`. Kept for a day.
CREATE TABLE rule_trial (
  change_id uuid PRIMARY KEY,
  company_measurement_id int NOT NULL,
  subject_key text NOT NULL,
  item_key text,
  condition text NOT NULL,
  direction text NOT NULL,
  threshold float8 NOT NULL,
  payloads int NOT NULL,
  newest_no bigint NOT NULL,
  cut_at timestamptz(3),
  told int NOT NULL,
  silent int NOT NULL,
  news jsonb NOT NULL,
  made_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN rule_trial.subject_key IS 'As series_view has it; so is item_key.';
COMMENT ON COLUMN rule_trial.newest_no IS 'Of the newest payload in the normalizer''s ledger.';
COMMENT ON COLUMN rule_trial.cut_at IS 'Earlier payloads were not judged, because there are too many; null: all were.';
COMMENT ON COLUMN rule_trial.told IS 'How many news items there would have been; silent: how many more nobody would have heard of.';
COMMENT ON COLUMN rule_trial.news IS 'The newest ones that are not silent, in the order of time: at (ms since 1970), title.';
CREATE INDEX rule_trial_series ON rule_trial (company_measurement_id, made_at);
CREATE INDEX rule_trial_age ON rule_trial (made_at);
CREATE VIEW rule_trial_view AS
SELECT change_id, company_measurement_id, subject_key, item_key, condition, direction, threshold, payloads, newest_no, cut_at,
  told, silent, news, made_at
FROM rule_trial;
