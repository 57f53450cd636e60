-- Up Migration

-- A feed is what one source says about one company over time. Payloads that were judged, for which the feed has not been
-- looked at yet: written with the judgement, deleted with what follows from it. live: not history.
CREATE TABLE feed_due (
  due_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  data_source_id int NOT NULL,
  company_id int NOT NULL,
  observed_at timestamptz(3) NOT NULL,
  live bool NOT NULL,
  judged_at timestamptz NOT NULL DEFAULT now()
);

-- What is known of each feed, made anew from normalizer.value with each payload. observed_at, live: of the newest payload.
-- forecasts_due: since when its forecasts wait to be made again; null: they are up to date.
CREATE TABLE feed (
  data_source_id int NOT NULL,
  company_id int NOT NULL,
  observed_at timestamptz(3) NOT NULL,
  live bool NOT NULL,
  rhythm jsonb,
  movement jsonb,
  forecasts_due timestamptz,
  PRIMARY KEY (data_source_id, company_id)
) WITH (fillfactor = 70);
CREATE INDEX feed_forecasts_due ON feed (forecasts_due) WHERE forecasts_due IS NOT NULL;

-- The newest forecasts of each numeric series. made_at: observed time of the newest value that they are made from;
-- newest_event_no: the newest event or replay among those values. 8 of 10 values lie from low to high. mean_error: how far
-- such forecasts of the series were off on average. Null: not known yet.
CREATE TABLE forecast (
  company_measurement_id int NOT NULL,
  subject_key text NOT NULL,
  item_key text NOT NULL,
  steps smallint NOT NULL,
  made_at timestamptz(3) NOT NULL,
  for_time timestamptz(3) NOT NULL,
  value float8 NOT NULL,
  low float8,
  high float8,
  mean_error float8,
  model text NOT NULL,
  newest_event_no bigint NOT NULL,
  PRIMARY KEY (company_measurement_id, subject_key, item_key, steps)
) WITH (fillfactor = 70);

-- Conditions of feeds and sources that last: each begins with one ops event and ends with another.
CREATE TABLE incident (
  dedupe_key text PRIMARY KEY,
  kind text NOT NULL,
  data_source_id int NOT NULL,
  company_id int,
  subject text NOT NULL,
  message text NOT NULL,
  facts jsonb NOT NULL,
  opened_at timestamptz NOT NULL,
  resolved_at timestamptz
);
