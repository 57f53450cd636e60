-- Up Migration

-- A news beside the version of the rule that made it, for whoever asks why there is such a news.
CREATE VIEW news_why AS
SELECT n.*, r.definition AS rule_definition, r.since AS rule_since
FROM news n LEFT JOIN rule r ON r.rule_id = n.rule_id AND r.version = n.rule_version;
