-- Up Migration

-- From the first of failed runs in a row to the next run that did not fail. until: null: none has come since.
CREATE VIEW downtime_view AS
SELECT data_source_id, since, until, failed_runs FROM (
  SELECT data_source_id, min(started_at) FILTER (WHERE failed) AS since,
    lead(min(started_at)) OVER (PARTITION BY data_source_id ORDER BY ups) AS until,
    count(*) FILTER (WHERE failed)::int AS failed_runs
  FROM (
    SELECT data_source_id, started_at, failed,
      count(*) FILTER (WHERE NOT failed) OVER (PARTITION BY data_source_id ORDER BY started_at, task_id) AS ups
    FROM (
      SELECT data_source_id, task_id, started_at, outcome = 'failed' OR finished_at IS NULL AS failed FROM run
      WHERE outcome IS NOT NULL AND NOT excused AND started_at IS NOT NULL
    ) r
  ) r
  GROUP BY data_source_id, ups
) r WHERE since IS NOT NULL;
