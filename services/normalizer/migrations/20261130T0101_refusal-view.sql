-- Up Migration

-- What is refused and no replay has judged anew, with a sample of each; and paths that no entry of the map names. `ignored`:
-- the source's policy of drift says so of this path.
CREATE VIEW refusal_view AS
SELECT r.event_no, p.event_id, r.data_source_id, p.source_name, r.company_id, r.map_version, r.reason, r.path, r.item_key,
  r.sample, r.leaves, r.refused_at,
  EXISTS (
    SELECT FROM drift_policy d
    WHERE d.data_source_id = r.data_source_id AND d.kind = '' AND d.path = r.path AND d.path <> '' AND d.policy = 'ignore'
  ) AS ignored
FROM refused r JOIN processed_event p USING (event_no)
WHERE r.superseded_by IS NULL
UNION ALL
SELECT u.event_no, p.event_id, u.data_source_id, p.source_name, p.company_id, p.map_version, 'unmapped', u.subject, NULL,
  u.message, 1, u.seen_at,
  EXISTS (
    SELECT FROM drift_policy d
    WHERE d.data_source_id = u.data_source_id AND d.kind IN ('', 'unknown-path') AND d.path = u.subject AND d.policy = 'ignore'
  )
FROM drift u JOIN processed_event p USING (event_no)
WHERE u.kind = 'unknown-path' AND u.ended_at IS NULL;
