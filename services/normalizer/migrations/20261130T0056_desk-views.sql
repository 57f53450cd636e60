-- Up Migration

-- Drift, faults of maps and payloads refused as a whole, each as it began last. resolved_at null: it goes on.
CREATE VIEW incident_view AS
SELECT kind, data_source_id, company_id, subject, message, policy, event_no, seen_at AS opened_at, ended_at AS resolved_at
FROM drift;

-- What could not be stored, with its event: a leaf, or a whole payload (seq is null). superseded_by null: nothing has judged
-- it anew.
CREATE VIEW refused_view AS
SELECT r.event_no, p.event_id, p.document, r.seq, r.leaves, r.data_source_id, p.source_name, r.company_id, r.map_version, r.path,
  r.item_key, r.reason, r.sample, r.refused_at, r.superseded_by
FROM refused r JOIN processed_event p USING (event_no);
