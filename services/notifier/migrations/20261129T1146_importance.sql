-- Up Migration

-- How much a news item matters, from 0 to 1. Null for those stored before.
ALTER TABLE news_item ADD COLUMN importance double precision;
