-- Up Migration

-- What is refused and no replay has judged anew, with the way to the raw document: what a re-drive can mend. A leaf that no
-- entry of the map named is not refused, but a newer map may name it.
CREATE VIEW open_refusal AS
SELECT p.event_no, p.event_id, p.document, p.source_name, p.company_id, r.reason, r.path, r.leaves
FROM refused r JOIN processed_event p USING (event_no)
WHERE r.superseded_by IS NULL
UNION ALL
SELECT event_no, event_id, document, source_name, company_id, 'unmapped', '', unmapped FROM (
  SELECT DISTINCT ON (event_id) * FROM processed_event WHERE reason IS NULL ORDER BY event_id, event_no DESC
) last_judged
WHERE unmapped > 0;
