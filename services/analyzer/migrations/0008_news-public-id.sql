-- Up Migration

-- Who asks why there is a news may know it by its number in parma-web.
CREATE INDEX news_public ON news (public_news_id);
