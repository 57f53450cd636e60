-- Up Migration

-- The newest news items of one company, for its page.
CREATE INDEX news_of_company_newest ON news (company_id, observed_at, news_id);

-- The same function. Whoever reads series of some measurements now chooses them where the pairs of company and measurement
-- are read, of which there are more than of anything else that it reads.
CREATE OR REPLACE FUNCTION list_measurements() RETURNS TABLE (
  company_measurement_id int, company_id int, company_name text, data_source_id int, source_name text,
  source_measurement_id int, measurement_name text, type text
) LANGUAGE sql STABLE AS $$
  SELECT c.company_measurement_id, c.company_id, o.name, m.source_module_id, d.source_name, c.source_measurement_id,
    m.measurement_name, m.type
  FROM public.company_source_measurement c
  JOIN public.source_measurement m ON m.id = c.source_measurement_id
  JOIN public.company o ON o.id = c.company_id
  LEFT JOIN public.data_source d ON d.id = m.source_module_id
$$;
