-- Up Migration

-- Rules of our own are rule/<n>, each version as somebody wrote it. One that is switched off stays.
CREATE SEQUENCE rule_number AS int;
ALTER TABLE rule ADD COLUMN changed_by text;
COMMENT ON COLUMN rule.rule_id IS
  'rule/<n> for rules of our own; for others where they stand, as notification_rules/7 for public.notification_rules.';
COMMENT ON COLUMN rule.changed_by IS 'Who wrote this version of a rule of our own.';
COMMENT ON COLUMN series_state.state IS
  'last: the value; recent: the newest numbers, oldest first; at: when they were observed, where a rule asks for that; fired: how it last fired; rules: what rules remember of it, by rule_id.';
