-- Up Migration

-- Who brought a version, and why. Versions from before this migration came from handshakes.
ALTER TABLE normalization_map
  ADD COLUMN origin text NOT NULL DEFAULT 'handshake' CHECK (origin IN ('handshake', 'activate', 'rollback')),
  ADD COLUMN actor text,
  ADD COLUMN reason text,
  ADD COLUMN same_as int;
COMMENT ON COLUMN normalization_map.actor IS
  'parma-web (a handshake without credentials), source:<id> (a handshake with the token of a module), person:<id>, key:<name> or cli:<name>; null: not known.';
COMMENT ON COLUMN normalization_map.same_as IS 'Of a rollback: the earlier version whose map it is.';

-- Maps that are not in force: those that somebody tries, and those of handshakes that wait for a yes.
CREATE TABLE map_draft (
  draft_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- public.data_source.id; no foreign key, which would put triggers on a table of parma-web
  data_source_id int NOT NULL,
  origin text NOT NULL CHECK (origin IN ('handshake', 'upload')),
  actor text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  content_hash text NOT NULL,
  content text NOT NULL,
  -- What a map of a handshake would lose: measurements with history.
  losses jsonb NOT NULL DEFAULT '[]',
  state text NOT NULL CHECK (state IN ('draft', 'waiting', 'activated', 'refused', 'replaced')),
  settled_by text,
  settled_at timestamptz,
  -- The version that it became.
  version int
);
CREATE UNIQUE INDEX map_draft_waiting ON map_draft (data_source_id) WHERE state = 'waiting';
CREATE INDEX map_draft_source ON map_draft (data_source_id, draft_id);
