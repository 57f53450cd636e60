-- Up Migration

-- Each `parma rejudge`, which rebuilds the states of series and subjects company by company, in rising order of their ids.
-- One that was interrupted goes on after last_company when the same is asked again.
CREATE TABLE rejudge (
  rejudge_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- The options: company, source, from, to.
  asked jsonb NOT NULL,
  -- Of the rules and settings by which it judges.
  criteria_hash text NOT NULL,
  -- The process that works on it: another one that was overtaken stops.
  runner uuid NOT NULL,
  last_company int NOT NULL DEFAULT 0,
  -- News items of the companies up to last_company.
  counts jsonb NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz
);
CREATE INDEX rejudge_unfinished ON rejudge (rejudge_no) WHERE finished_at IS NULL;
