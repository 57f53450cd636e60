-- Up Migration

-- What programs read of a news item in webhooks. Null for those stored before.
ALTER TABLE news_item ADD COLUMN subject_key text;
ALTER TABLE news_item ADD COLUMN score double precision;
ALTER TABLE news_item ADD COLUMN rule_id text;
ALTER TABLE news_item ADD COLUMN rule_version integer;
