-- The tables of schema `public` as parma-web has them, so that this system runs without parma-web.
--
-- parma-web's own migrations are the owner of `public`. This file is applied only to an empty database (setup.ts),
-- never to one that holds any table, and no service ever changes what it creates. A test compares its columns, keys,
-- indexes, enums, triggers and functions with parma-web's.
--
-- What to know before writing to these tables:
--   modified_at has no default: every INSERT and UPDATE sets it.
--   Times are without zone and mean UTC.
--   Almost nothing is unique: get-or-create takes an advisory lock.

-- Enums

CREATE TYPE bucket_permission AS ENUM ('VIEWER', 'MODERATOR');
CREATE TYPE channel_purpose AS ENUM ('NOTIFICATION', 'REPORT');
CREATE TYPE channel_type AS ENUM ('EMAIL', 'SLACK');
CREATE TYPE file_type AS ENUM ('TEXT', 'JPG', 'PDF');
CREATE TYPE frequency AS ENUM ('HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY');
CREATE TYPE health_status AS ENUM ('UP', 'DOWN');
CREATE TYPE identifier_type AS ENUM ('AUTOMATICALLY_DISCOVERED', 'MANUALLY_ADDED');
CREATE TYPE role AS ENUM ('USER', 'ADMIN');
CREATE TYPE schedule_type AS ENUM ('ON_DEMAND', 'REGULAR');
CREATE TYPE task_status AS ENUM ('PENDING', 'PROCESSING', 'SUCCESS', 'FAILED');

-- People and companies

CREATE TABLE "user" (
  id serial PRIMARY KEY,
  auth_id text NOT NULL,
  name text NOT NULL,
  profile_picture text,
  role role NOT NULL DEFAULT 'USER',
  username text,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);
-- An index and not a constraint, here and below, as Prisma makes its unique keys.
CREATE UNIQUE INDEX user_auth_id_key ON "user" (auth_id);

CREATE TABLE company (
  id serial PRIMARY KEY,
  name text NOT NULL,
  description text,
  added_by int REFERENCES "user" ON UPDATE CASCADE ON DELETE SET NULL,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);

CREATE TABLE company_attachment (
  id serial PRIMARY KEY,
  company_id int NOT NULL REFERENCES company ON UPDATE CASCADE ON DELETE CASCADE,
  user_id int NOT NULL REFERENCES "user" ON UPDATE CASCADE ON DELETE RESTRICT,
  file_type file_type NOT NULL,
  file_url text NOT NULL,
  title text NOT NULL,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);

-- Data sources and their work

CREATE TABLE data_source (
  id serial PRIMARY KEY,
  source_name text NOT NULL,
  is_active boolean NOT NULL,
  frequency frequency NOT NULL,
  health_status health_status NOT NULL,
  description text,
  max_run_seconds int NOT NULL DEFAULT 300,
  version text NOT NULL DEFAULT '1.0',
  invocation_endpoint text NOT NULL DEFAULT '',
  additional_params jsonb,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);

CREATE TABLE company_data_source (
  id serial PRIMARY KEY,
  data_source_id int NOT NULL REFERENCES data_source ON UPDATE CASCADE ON DELETE CASCADE,
  company_id int NOT NULL REFERENCES company ON UPDATE CASCADE ON DELETE CASCADE,
  is_data_source_active boolean NOT NULL,
  health_status health_status NOT NULL,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);
CREATE UNIQUE INDEX company_data_source_data_source_id_company_id_key ON company_data_source (data_source_id, company_id);

CREATE TABLE company_data_source_identifier (
  id serial PRIMARY KEY,
  company_data_source_id int NOT NULL REFERENCES company_data_source ON UPDATE CASCADE ON DELETE CASCADE,
  identifier_type identifier_type NOT NULL,
  property text NOT NULL,
  value text NOT NULL,
  validity timestamp(3) NOT NULL
);

CREATE TABLE scheduled_task (
  task_id serial PRIMARY KEY,
  data_source_id int NOT NULL REFERENCES data_source ON UPDATE CASCADE ON DELETE CASCADE,
  schedule_type schedule_type NOT NULL,
  scheduled_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  started_at timestamp(3),
  ended_at timestamp(3),
  max_run_seconds int NOT NULL DEFAULT 300,
  result_summary text,
  status task_status NOT NULL DEFAULT 'PENDING',
  attempts int NOT NULL DEFAULT 0
);

-- Measurements: what a source measures, for which company, and the values by type

CREATE TABLE source_measurement (
  id serial PRIMARY KEY,
  source_module_id int NOT NULL REFERENCES data_source ON UPDATE CASCADE ON DELETE CASCADE,
  parent_measurement_id int REFERENCES source_measurement ON UPDATE CASCADE ON DELETE CASCADE,
  measurement_name text NOT NULL,
  type text NOT NULL,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);

CREATE TABLE company_source_measurement (
  company_measurement_id serial PRIMARY KEY,
  source_measurement_id int NOT NULL REFERENCES source_measurement ON UPDATE CASCADE ON DELETE CASCADE,
  company_id int NOT NULL REFERENCES company ON UPDATE CASCADE ON DELETE CASCADE
);

CREATE TABLE measurement_int_value (
  id serial PRIMARY KEY,
  company_measurement_id int NOT NULL REFERENCES company_source_measurement ON UPDATE CASCADE ON DELETE CASCADE,
  value int NOT NULL,
  timestamp timestamp(3) NOT NULL,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);

CREATE TABLE measurement_float_value (
  id serial PRIMARY KEY,
  company_measurement_id int NOT NULL REFERENCES company_source_measurement ON UPDATE CASCADE ON DELETE CASCADE,
  value double precision NOT NULL,
  timestamp timestamp(3) NOT NULL,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);

CREATE TABLE measurement_date_value (
  id serial PRIMARY KEY,
  company_measurement_id int NOT NULL REFERENCES company_source_measurement ON UPDATE CASCADE ON DELETE CASCADE,
  value timestamp(3) NOT NULL,
  timestamp timestamp(3) NOT NULL,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);

CREATE TABLE measurement_comment_value (
  id serial PRIMARY KEY,
  company_measurement_id int NOT NULL REFERENCES company_source_measurement ON UPDATE CASCADE ON DELETE CASCADE,
  value text NOT NULL,
  sentiment_score int,
  timestamp timestamp(3) NOT NULL,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);

CREATE TABLE measurement_text_value (
  id serial PRIMARY KEY,
  company_measurement_id int NOT NULL REFERENCES company_source_measurement ON UPDATE CASCADE ON DELETE CASCADE,
  value text NOT NULL,
  timestamp timestamp(3) NOT NULL,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);

CREATE TABLE measurement_paragraph_value (
  id serial PRIMARY KEY,
  company_measurement_id int NOT NULL REFERENCES company_source_measurement ON UPDATE CASCADE ON DELETE CASCADE,
  value text NOT NULL,
  timestamp timestamp(3) NOT NULL,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);

CREATE TABLE measurement_link_value (
  id serial PRIMARY KEY,
  company_measurement_id int NOT NULL REFERENCES company_source_measurement ON UPDATE CASCADE ON DELETE CASCADE,
  value text NOT NULL,
  timestamp timestamp(3) NOT NULL,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);

CREATE TABLE measurement_image_value (
  id serial PRIMARY KEY,
  company_measurement_id int NOT NULL REFERENCES company_source_measurement ON UPDATE CASCADE ON DELETE CASCADE,
  value text NOT NULL,
  timestamp timestamp(3) NOT NULL,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);

CREATE TABLE measurement_nested_value (
  id serial PRIMARY KEY,
  company_measurement_id int NOT NULL REFERENCES company_source_measurement ON UPDATE CASCADE ON DELETE CASCADE,
  value text NOT NULL,
  timestamp timestamp(3) NOT NULL,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);

-- Rules, news, notifications and reports

CREATE TABLE notification_rules (
  rule_id serial PRIMARY KEY,
  rule_name text NOT NULL,
  source_measurement_id int NOT NULL REFERENCES source_measurement ON UPDATE CASCADE ON DELETE CASCADE,
  threshold double precision NOT NULL,
  aggregation_method text,
  num_aggregation_entries int,
  notification_message text,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);

CREATE TABLE news (
  id serial PRIMARY KEY,
  title text,
  message text NOT NULL,
  trigger_factor text,
  timestamp timestamp(3) NOT NULL,
  company_id int NOT NULL REFERENCES company ON UPDATE CASCADE ON DELETE CASCADE,
  data_source_id int NOT NULL REFERENCES data_source ON UPDATE CASCADE ON DELETE RESTRICT,
  source_measurement_id int NOT NULL REFERENCES source_measurement ON UPDATE CASCADE ON DELETE RESTRICT,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);

CREATE TABLE notification (
  id serial PRIMARY KEY,
  message text NOT NULL,
  company_id int NOT NULL REFERENCES company ON UPDATE CASCADE ON DELETE RESTRICT,
  data_source_id int NOT NULL REFERENCES data_source ON UPDATE CASCADE ON DELETE RESTRICT,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);

CREATE TABLE report (
  id serial PRIMARY KEY,
  company_id int NOT NULL REFERENCES company ON UPDATE CASCADE ON DELETE RESTRICT,
  name text NOT NULL,
  report_file_url text NOT NULL,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);

-- Who hears of what, and where

CREATE TABLE notification_channel (
  id serial PRIMARY KEY,
  channel_type channel_type NOT NULL,
  destination text NOT NULL,
  secret_id text,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);

CREATE TABLE notification_subscription (
  user_id int NOT NULL REFERENCES "user" ON UPDATE CASCADE ON DELETE CASCADE,
  channel_id int NOT NULL REFERENCES notification_channel ON UPDATE CASCADE ON DELETE CASCADE,
  channel_purpose channel_purpose NOT NULL,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL,
  PRIMARY KEY (user_id, channel_id)
);

CREATE TABLE company_subscription (
  user_id int NOT NULL REFERENCES "user" ON UPDATE CASCADE ON DELETE CASCADE,
  company_id int NOT NULL REFERENCES company ON UPDATE CASCADE ON DELETE CASCADE,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL,
  PRIMARY KEY (user_id, company_id)
);

CREATE TABLE news_subscription (
  user_id int NOT NULL REFERENCES "user" ON UPDATE CASCADE ON DELETE CASCADE,
  company_id int NOT NULL REFERENCES company ON UPDATE CASCADE ON DELETE CASCADE,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL,
  PRIMARY KEY (user_id, company_id)
);

-- Only parma-web uses these: buckets of companies, and what a user chose to see

CREATE TABLE bucket (
  id serial PRIMARY KEY,
  title text NOT NULL,
  description text,
  is_public boolean NOT NULL DEFAULT false,
  owner_id int NOT NULL REFERENCES "user" ON UPDATE CASCADE ON DELETE CASCADE,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);

CREATE TABLE bucket_access (
  bucket_id int NOT NULL REFERENCES bucket ON UPDATE CASCADE ON DELETE CASCADE,
  invitee_id int NOT NULL REFERENCES "user" ON UPDATE CASCADE ON DELETE CASCADE,
  permission bucket_permission NOT NULL,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL,
  PRIMARY KEY (bucket_id, invitee_id)
);

CREATE TABLE company_bucket_membership (
  company_id int NOT NULL REFERENCES company ON UPDATE CASCADE ON DELETE CASCADE,
  bucket_id int NOT NULL REFERENCES bucket ON UPDATE CASCADE ON DELETE CASCADE,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL,
  PRIMARY KEY (company_id, bucket_id)
);

CREATE TABLE user_important_measurement_preference (
  data_source_id int NOT NULL REFERENCES data_source ON UPDATE CASCADE ON DELETE CASCADE,
  user_id int NOT NULL REFERENCES "user" ON UPDATE CASCADE ON DELETE CASCADE,
  important_field_name text NOT NULL,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL,
  PRIMARY KEY (data_source_id, user_id, important_field_name)
);

CREATE TABLE user_customization (
  id serial PRIMARY KEY,
  user_id int NOT NULL REFERENCES "user" ON UPDATE CASCADE ON DELETE CASCADE,
  name text NOT NULL,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);

CREATE TABLE user_company_customization (
  id serial PRIMARY KEY,
  customization_id int NOT NULL REFERENCES user_customization ON UPDATE CASCADE ON DELETE CASCADE,
  company_id int NOT NULL REFERENCES company ON UPDATE CASCADE ON DELETE CASCADE,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);

CREATE TABLE user_metric_customization (
  id serial PRIMARY KEY,
  customization_id int NOT NULL REFERENCES user_customization ON UPDATE CASCADE ON DELETE CASCADE,
  source_measurement_id int NOT NULL REFERENCES source_measurement ON UPDATE CASCADE ON DELETE CASCADE,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  modified_at timestamp(3) NOT NULL
);

-- Every company is linked to every data source, whichever of the two comes first

CREATE FUNCTION add_company_data_source_relationship() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO company_data_source (data_source_id, company_id, is_data_source_active, health_status, modified_at)
  SELECT id, NEW.id, true, 'UP', now() FROM data_source;
  RETURN NEW;
END
$$;

CREATE TRIGGER company_inserted AFTER INSERT ON company
  FOR EACH ROW EXECUTE FUNCTION add_company_data_source_relationship();

CREATE FUNCTION add_data_source_company_relationship() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO company_data_source (data_source_id, company_id, is_data_source_active, health_status, modified_at)
  SELECT NEW.id, id, true, 'UP', now() FROM company;
  RETURN NEW;
END
$$;

CREATE TRIGGER data_source_inserted AFTER INSERT ON data_source
  FOR EACH ROW EXECUTE FUNCTION add_data_source_company_relationship();
