-- Up Migration

-- Payloads that do not count, because they look like what a broken source makes and an operator dropped their run, or has
-- not decided yet.
CREATE VIEW uncounted_payload AS
SELECT p.event_id, p.company_id, p.data_source_id, p.subject_key, p.observed_at
FROM withheld_payload p JOIN judged_run r USING (run_no)
WHERE p.is_flagged AND r.state IN ('suspect', 'dropped');
