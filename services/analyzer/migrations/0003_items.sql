-- Up Migration

-- What the root of payloads (company, source and subject) was last, so that items that appear and are gone are noticed.
-- Keys longer than an index can hold are their sha256.
CREATE TABLE subject_state (
  company_id int NOT NULL,
  data_source_id int NOT NULL,
  subject_key text NOT NULL,
  event_no bigint NOT NULL,
  observed_at timestamptz(3) NOT NULL,
  map_version int NOT NULL,
  lists jsonb NOT NULL,
  PRIMARY KEY (company_id, data_source_id, subject_key)
) WITH (fillfactor = 70);
COMMENT ON COLUMN subject_state.lists IS 'By path, as repos[]: the items that are known, by key.';

-- An item that is gone has no value any more.
ALTER TABLE news ALTER COLUMN seq DROP NOT NULL;
