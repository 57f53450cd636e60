-- Up Migration

-- Who did what, as the audit logs of other services have it. A run that was asked for changes no plan: what it is stands
-- in after.
CREATE VIEW audit_view AS
SELECT change_no AS audit_id, at, 'cli:' || by AS actor, 'scheduler.schedule.' || split_part(what, ' ', 1) AS kind,
  'source:' || data_source_id AS subject, after->>'pause_reason' AS reason,
  CASE WHEN what LIKE 'run %' THEN NULL ELSE before END AS before,
  CASE WHEN what LIKE 'run %' THEN to_jsonb(what) ELSE after END AS after, NULL::uuid AS change_id
FROM policy_change;
