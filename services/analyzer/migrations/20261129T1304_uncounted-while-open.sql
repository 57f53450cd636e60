-- Up Migration

-- The same view. A payload that waits does not count either, and one that was cleared before its run became suspect does.
CREATE OR REPLACE VIEW uncounted_payload AS
SELECT p.event_id, p.company_id, p.data_source_id, p.subject_key, p.observed_at
FROM withheld_payload p JOIN judged_run r USING (run_no)
WHERE p.is_flagged AND (NOT p.is_settled OR r.state = 'dropped');
