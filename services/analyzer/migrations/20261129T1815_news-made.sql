-- Up Migration

-- For pages that list what was made since a visit.
CREATE INDEX news_made ON news (created_at);
