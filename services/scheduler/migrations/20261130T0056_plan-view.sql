-- Up Migration

-- How sources are to run, where somebody has set it. revision: another number whenever anything of it was changed.
CREATE VIEW plan_view AS
SELECT data_source_id, cron, zone, jitter_seconds, to_char(window_from, 'HH24:MI') AS window_from,
  to_char(window_to, 'HH24:MI') AS window_to, catch_up, max_attempts, backoff_seconds, may_overlap, paused_at, paused_until,
  pause_reason,
  coalesce((SELECT max(change_no) FROM policy_change c
    WHERE c.data_source_id = p.data_source_id AND c.before IS DISTINCT FROM c.after), 0) AS revision
FROM source_policy p;

CREATE VIEW missed_view AS SELECT data_source_id, from_slot, to_slot, slots, reason FROM missed;

-- The last incident of each kind, source and company (null: the whole source). resolved_at null: it goes on.
CREATE VIEW incident_view AS
SELECT kind, data_source_id, company_id, subject, message, opened_at, resolved_at FROM story;
