-- Up Migration

-- Who wants which digests, and when. Somebody without a row for bucket 0 gets the weekly report if they follow a company.
CREATE TABLE digest_policy (
  user_id int NOT NULL,
  bucket_id int NOT NULL DEFAULT 0,
  rhythm text NOT NULL CHECK (rhythm IN ('daily', 'weekly', 'monthly', 'off')),
  hour int NOT NULL CHECK (hour BETWEEN 0 AND 23),
  weekday int NOT NULL CHECK (weekday BETWEEN 1 AND 7),
  zone text NOT NULL,
  channel_id int,
  changed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, bucket_id)
);
COMMENT ON COLUMN digest_policy.bucket_id IS '0: all companies the person follows.';
COMMENT ON COLUMN digest_policy.weekday IS '1 is Monday. Only weekly digests have one.';
COMMENT ON COLUMN digest_policy.channel_id IS 'The one channel it goes to; null, or one the person does not have: those for reports.';
COMMENT ON COLUMN digest_policy.changed_at IS 'Slots before it are not made up for.';

-- Weeks for which GET /weekly-reports was called.
CREATE TABLE weekly_request (
  period text PRIMARY KEY,
  requested_at timestamptz NOT NULL
);

-- Since when there are digests: slots before it are not made up for, and nobody's first one goes back further than one
-- that had been made then.
CREATE TABLE digest_start (since timestamptz NOT NULL);
INSERT INTO digest_start VALUES (now());

-- The digests that were due, each once: a row, its items and its messages are one transaction.
CREATE TABLE digest (
  user_id int NOT NULL,
  bucket_id int NOT NULL,
  period text NOT NULL,
  digest_id uuid NOT NULL,
  rhythm text NOT NULL,
  state text NOT NULL CHECK (state IN ('made', 'empty', 'nowhere', 'failed')),
  reason text,
  news int NOT NULL DEFAULT 0,
  since timestamptz NOT NULL,
  made_at timestamptz NOT NULL DEFAULT now(),
  result jsonb,
  PRIMARY KEY (user_id, bucket_id, period)
);
COMMENT ON COLUMN digest.period IS 'The day, week or month of the reader: 2026-11-26, 2026-W48, 2026-11.';
COMMENT ON COLUMN digest.state IS 'empty: no news, nothing is sent. nowhere: no channel; failed: not made. After those two its news wait for the next.';
COMMENT ON COLUMN digest.since IS 'How far back it looked for news.';
COMMENT ON COLUMN digest.result IS 'What Firestore is still to get; null: nothing.';
CREATE INDEX digest_unstored ON digest (made_at) WHERE result IS NOT NULL;

-- Which news each reader was told in a digest: each once for a person and a bucket. Rows are deleted when the news are too
-- old for any digest.
CREATE TABLE digest_item (
  user_id int NOT NULL,
  bucket_id int NOT NULL,
  news_id uuid NOT NULL,
  period text NOT NULL,
  made_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, bucket_id, news_id)
);
CREATE INDEX digest_item_age ON digest_item USING brin (made_at);

-- Companies that have their row in public.report for a week.
CREATE TABLE company_report (
  company_id int NOT NULL,
  period text NOT NULL,
  PRIMARY KEY (company_id, period)
);

CREATE INDEX news_group_company ON news_group (company_id);
CREATE INDEX news_item_received ON news_item (received_at);
