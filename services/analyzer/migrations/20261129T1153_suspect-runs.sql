-- Up Migration

-- What one run of a source brought, all companies together. A payload without a task belongs to the first run of the last
-- minutes in which its company has not been yet.
CREATE TABLE judged_run (
  run_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  data_source_id int NOT NULL,
  source_name text NOT NULL,
  task_id int,
  opened_at timestamptz NOT NULL DEFAULT now(),
  -- open: nothing is wrong so far; suspect: an operator must decide; the others: what was decided.
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'suspect', 'released', 'dropped', 'unverified')),
  -- What its companies have in common: keys of shapes, and what is told of them.
  alike text[] NOT NULL DEFAULT '{}',
  message text,
  examples text[] NOT NULL DEFAULT '{}',
  companies_alike int,
  companies_judged int NOT NULL DEFAULT 0,
  suspected_at timestamptz,
  decided_at timestamptz,
  decided_by text,
  reminders int NOT NULL DEFAULT 0,
  looked_at timestamptz
);
CREATE UNIQUE INDEX judged_run_task ON judged_run (data_source_id, task_id) WHERE task_id IS NOT NULL;
CREATE INDEX judged_run_window ON judged_run (data_source_id, opened_at) WHERE task_id IS NULL;
CREATE INDEX judged_run_suspect ON judged_run (run_no) WHERE state = 'suspect';

-- What each payload tells about its run.
CREATE TABLE run_evidence (
  evidence_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_no bigint NOT NULL,
  event_id uuid NOT NULL,
  company_id int NOT NULL,
  subject_key text NOT NULL,
  content text NOT NULL,
  evidence jsonb NOT NULL,
  has_shapes boolean NOT NULL,
  judged_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  is_new boolean NOT NULL DEFAULT true
);
CREATE INDEX run_evidence_run ON run_evidence (run_no, content);
CREATE INDEX run_evidence_new ON run_evidence (run_no) WHERE is_new;
CREATE INDEX run_evidence_age ON run_evidence (judged_at);

-- The last payload of each subject in short, to compare the next one with.
CREATE TABLE payload_trace (
  company_id int NOT NULL,
  data_source_id int NOT NULL,
  subject_key text NOT NULL,
  observed_at timestamptz(3) NOT NULL,
  identity text,
  trace jsonb NOT NULL,
  PRIMARY KEY (company_id, data_source_id, subject_key)
) WITH (fillfactor = 70);
CREATE INDEX payload_trace_identity ON payload_trace (data_source_id, identity);

-- Payloads of which something is withheld: news items, and states that do not count until the payload is cleared.
CREATE TABLE withheld_payload (
  event_id uuid PRIMARY KEY,
  run_no bigint NOT NULL,
  company_id int NOT NULL,
  -- It looks like what a broken source makes.
  is_flagged boolean NOT NULL,
  is_settled boolean NOT NULL DEFAULT false,
  since timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- The states after it: of its subject, and of its series with the event_no of the one before.
  observed_at timestamptz(3) NOT NULL,
  data_source_id int NOT NULL,
  subject_key text NOT NULL,
  trace jsonb,
  subject jsonb,
  series jsonb NOT NULL DEFAULT '[]'
);
CREATE INDEX withheld_payload_run ON withheld_payload (run_no);
CREATE INDEX withheld_payload_waiting ON withheld_payload (run_no) WHERE NOT is_settled;
CREATE INDEX withheld_payload_company ON withheld_payload (company_id, data_source_id);

-- News items that nobody gets: yet, or ever. A row goes when its news item is released.
CREATE TABLE withheld_news (
  news_id uuid PRIMARY KEY,
  event_id uuid NOT NULL,
  is_flagged boolean NOT NULL,
  state text NOT NULL DEFAULT 'withheld' CHECK (state IN ('withheld', 'dropped'))
);
CREATE INDEX withheld_news_event ON withheld_news (event_id);

-- The same view, with what is withheld: "2 news items, 0 silent, 1 withheld".
CREATE OR REPLACE VIEW event_status AS
SELECT p.event_id,
  CASE WHEN w.parts > 0 THEN 'judging' ELSE 'judged' END AS stage,
  p.at,
  CASE
    WHEN n.news = 1 THEN '1 news item, ' || n.silent || ' silent'
    WHEN n.news > 0 THEN n.news || ' news items, ' || n.silent || ' silent'
    ELSE 'no news'
  END || CASE WHEN h.withheld > 0 THEN ', ' || h.withheld || ' withheld' ELSE '' END
    || CASE WHEN h.dropped > 0 THEN ', ' || h.dropped || ' dropped' ELSE '' END AS reason
FROM (
  SELECT event_id, max(at) AS at FROM (
    SELECT event_id, processed_at AS at FROM processed_event
    UNION ALL
    SELECT event_id, created_at FROM news
  ) known GROUP BY event_id
) p
CROSS JOIN LATERAL (SELECT count(*) AS parts FROM pending_part w WHERE w.event_id = p.event_id) w
CROSS JOIN LATERAL (
  SELECT count(*) AS news, count(*) FILTER (WHERE silent) AS silent FROM news n WHERE n.event_id = p.event_id
) n
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE state = 'withheld') AS withheld, count(*) FILTER (WHERE state = 'dropped') AS dropped
  FROM withheld_news h WHERE h.event_id = p.event_id
) h;
