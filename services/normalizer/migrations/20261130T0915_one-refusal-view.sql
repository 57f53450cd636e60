-- Up Migration

-- One view says what is refused. It has the way to the raw document, too. The join costs nothing where no column of the
-- ledger is asked for, so counting is cheap also where much is refused.
-- contract: unused since this version: refused_view, open_refusals_view, open_refusal; no version with them was released
CREATE OR REPLACE VIEW refusal_view AS
SELECT r.event_no, p.event_id, r.data_source_id, p.source_name, r.company_id, r.map_version, r.reason, r.path, r.item_key,
  r.sample, r.leaves, r.refused_at,
  EXISTS (
    SELECT FROM drift_policy d
    WHERE d.data_source_id = r.data_source_id AND d.kind = '' AND d.path = r.path AND d.path <> '' AND d.policy = 'ignore'
  ) AS ignored,
  p.document
FROM refused r LEFT JOIN processed_event p USING (event_no)
WHERE r.superseded_by IS NULL
UNION ALL
SELECT u.event_no, p.event_id, u.data_source_id, p.source_name, p.company_id, p.map_version, 'unmapped', u.subject, NULL,
  u.message, 1, u.seen_at,
  EXISTS (
    SELECT FROM drift_policy d
    WHERE d.data_source_id = u.data_source_id AND d.kind IN ('', 'unknown-path') AND d.path = u.subject AND d.policy = 'ignore'
  ),
  p.document
FROM drift u JOIN processed_event p USING (event_no)
WHERE u.kind = 'unknown-path' AND u.ended_at IS NULL;

DROP VIEW refused_view, open_refusals_view, open_refusal;
