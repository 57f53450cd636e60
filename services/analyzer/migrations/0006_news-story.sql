-- Up Migration

-- Finds the same story again. Of a hash: a dedupe_key may be longer than an index can hold.
CREATE INDEX news_story ON news (hashtextextended(dedupe_key, 0));
