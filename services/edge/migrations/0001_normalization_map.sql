-- Up Migration

-- Every version of every source's normalization map. A source whose module goes back to an earlier map gets a new
-- version with the earlier content, so that the newest version is always the one in force.
CREATE TABLE normalization_map (
  -- public.data_source.id; no foreign key, which would put triggers on a table of parma-web
  data_source_id int NOT NULL,
  version int NOT NULL CHECK (version > 0),
  content_hash text NOT NULL,
  content text NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (data_source_id, version)
);
