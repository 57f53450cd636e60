-- Up Migration

ALTER TABLE run
  -- The companies that the module could not crawl, by id, with its words.
  ADD companies_failed jsonb,
  -- Its outcome has been counted for the health of its source and companies.
  ADD judged bool NOT NULL DEFAULT false;
UPDATE run SET judged = true WHERE outcome IS NOT NULL;
CREATE INDEX run_unjudged ON run (task_id) WHERE NOT judged AND outcome IS NOT NULL;
CREATE INDEX run_newest ON run (data_source_id, started_at);

CREATE TABLE health (
  data_source_id int PRIMARY KEY,
  status text NOT NULL CHECK (status IN ('UP', 'DOWN')),
  -- Why it is down.
  reason text,
  since timestamptz NOT NULL,
  known_since timestamptz NOT NULL,
  -- All the time it was down before `since`.
  down_seconds float8 NOT NULL DEFAULT 0
);

-- What a source has brought of a company, and how many of its runs in a row failed for it.
CREATE TABLE company_source (
  data_source_id int NOT NULL,
  company_id int NOT NULL,
  fed bigint NOT NULL DEFAULT 0,
  last_fed_at timestamptz,
  last_fed_task int,
  failed_runs int NOT NULL DEFAULT 0,
  last_failed_task int,
  reason text,
  PRIMARY KEY (data_source_id, company_id)
);

-- What operators are to be told: each story once when it opens and once when it is over.
CREATE TABLE story (
  dedupe_key text PRIMARY KEY,
  kind text NOT NULL,
  data_source_id int NOT NULL,
  company_id int,
  subject text NOT NULL,
  message text NOT NULL,
  facts jsonb NOT NULL,
  opened_at timestamptz NOT NULL,
  resolved_at timestamptz,
  open_told bool NOT NULL DEFAULT false,
  end_told bool NOT NULL DEFAULT false
);
CREATE INDEX story_untold ON story (opened_at) WHERE NOT open_told OR resolved_at IS NOT NULL AND NOT end_told;

CREATE VIEW source_health AS
SELECT h.data_source_id, h.status, h.reason, h.since, h.known_since,
  1 - (h.down_seconds + CASE h.status WHEN 'DOWN' THEN extract(epoch FROM now() - h.since) ELSE 0 END)
    / greatest(extract(epoch FROM now() - h.known_since), 1) AS uptime,
  r.runs, r.runs_ok, r.runs_partial, r.runs_failed, r.last_ok_at
FROM health h
LEFT JOIN LATERAL (
  SELECT count(*) AS runs, count(*) FILTER (WHERE outcome = 'ok') AS runs_ok,
    count(*) FILTER (WHERE outcome = 'partial') AS runs_partial,
    count(*) FILTER (WHERE outcome = 'failed') AS runs_failed,
    max(finished_at) FILTER (WHERE outcome <> 'failed') AS last_ok_at
  FROM run WHERE run.data_source_id = h.data_source_id AND outcome IS NOT NULL AND NOT excused
) AS r ON true;
COMMENT ON VIEW source_health IS 'Health of each source that has run: uptime is a share of the time since known_since.';
