-- Up Migration

-- With how many news items are held, and how many of these an operator drops who says that the source was wrong.
CREATE OR REPLACE VIEW suspect_run_view AS
SELECT run_no, data_source_id, task_id, message, companies_alike, companies_judged, suspected_at,
  (SELECT count(*)::int FROM withheld_payload p JOIN withheld_news n USING (event_id)
   WHERE p.run_no = r.run_no AND n.state = 'withheld') AS held,
  (SELECT count(*)::int FROM withheld_payload p JOIN withheld_news n USING (event_id)
   WHERE p.run_no = r.run_no AND n.state = 'withheld' AND n.is_flagged) AS flagged
FROM judged_run r WHERE state = 'suspect';
