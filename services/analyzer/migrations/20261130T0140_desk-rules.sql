-- Up Migration

-- The newest version of each rule of our own, with what was wrong with it when it was last judged.
CREATE VIEW rule_view AS
SELECT n.rule_id, n.version, n.definition, n.since, n.changed_by, e.message AS problem
FROM (
  SELECT DISTINCT ON (rule_id) rule_id, version, definition, since, changed_by FROM rule
  WHERE rule_id LIKE 'rule/%' ORDER BY rule_id, version DESC
) n LEFT JOIN rule_error e USING (rule_id, version);

-- What a rule would have told of all that it covers: the answer to a change `analyzer.rule.rehearse`. Kept for a day.
CREATE TABLE rule_rehearsal (
  change_id uuid PRIMARY KEY,
  rule_id text,
  version int,
  definition jsonb NOT NULL,
  since timestamptz NOT NULL,
  companies int NOT NULL,
  tried int NOT NULL,
  payloads int NOT NULL,
  told int NOT NULL,
  silent int NOT NULL,
  by_month jsonb NOT NULL,
  news jsonb NOT NULL,
  made_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN rule_rehearsal.rule_id IS 'The rule that it would replace; null: a new one.';
COMMENT ON COLUMN rule_rehearsal.companies IS 'Companies that it covers with something stored since then; tried: of how many the time sufficed to judge it.';
COMMENT ON COLUMN rule_rehearsal.news IS 'The newest news items that are not silent, as `parma backtest` writes them.';
CREATE INDEX rule_rehearsal_age ON rule_rehearsal (made_at);
CREATE VIEW rule_rehearsal_view AS
SELECT change_id, rule_id, version, definition, since, companies, tried, payloads, told, silent, by_month, news, made_at
FROM rule_rehearsal;
