-- Up Migration

-- Which series there are of a company measurement, without the joins to names that series_view makes.
CREATE VIEW series_key_view AS
SELECT company_measurement_id, subject_key, nullif(item_key, '') AS item_key, observed_at::timestamptz AS observed_at
FROM series_state;
