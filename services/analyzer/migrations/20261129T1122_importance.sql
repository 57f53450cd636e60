-- Up Migration

-- How much a news item matters. Null for those stored before.
ALTER TABLE news ADD COLUMN importance double precision, ADD COLUMN importance_parts jsonb;
COMMENT ON COLUMN news.importance IS 'From 0 to 1: the product of importance_parts (score, size, polarity, rarity).';

-- How often something happens is counted, by company and of all companies.
CREATE INDEX news_of_measurement ON news (source_measurement_id, observed_at);
CREATE INDEX news_of_company ON news (company_id, source_measurement_id, observed_at);
