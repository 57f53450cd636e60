-- Up Migration

-- What is counted of all companies is read from the index alone.
DROP INDEX news_of_measurement;
DROP INDEX news_of_company;
CREATE INDEX news_of_measurement ON news (source_measurement_id, kind, observed_at) INCLUDE (company_id);
CREATE INDEX news_of_company ON news (company_id, source_measurement_id, kind, observed_at);
