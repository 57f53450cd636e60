-- Up Migration

-- By what the items of a list are known, so that they keep their series. A list is a path of a source, for one version of
-- its map. Each row is something learnt, and nothing is ever changed: `revision` numbers what was learnt of a source and
-- map version, and the ledger names the revision a payload was understood by.
CREATE TABLE list_key (
  data_source_id int NOT NULL,
  path text NOT NULL,
  map_version int NOT NULL,
  revision int NOT NULL,
  -- Empty: it counts for all companies. Items are told apart for one subject of a company.
  company_id text NOT NULL DEFAULT '',
  subject_key text NOT NULL DEFAULT '',
  -- Names of the members that identify an item; none: its position. With items: of those that tell apart the items of
  -- these keys, since several had them.
  members jsonb NOT NULL,
  items jsonb,
  -- Items of one key are numbered, as before this table existed.
  numbered bool NOT NULL DEFAULT false,
  learnt_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX list_key_learnt ON list_key (data_source_id, map_version, company_id, revision);

-- The newest revision of list_key that counted for the payload; 0 if none did. Payloads of before have none.
ALTER TABLE processed_event ADD COLUMN list_revision int;

-- What payloads of a company and source are about: the subject keys, and the members of the payload's root by which each is
-- known. Null: not looked up yet.
ALTER TABLE last_observed ADD COLUMN subjects jsonb;
-- Whether the company had values before list_key existed, by which its items must stay known.
ALTER TABLE last_observed ADD COLUMN before_list_keys bool NOT NULL DEFAULT true;
