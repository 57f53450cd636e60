-- Up Migration

-- The changes that were asked for on ops.commands.v1, each once: the row is the ledger and the outcome.
CREATE TABLE change (
  change_id uuid PRIMARY KEY,
  kind text NOT NULL,
  actor text NOT NULL,
  content_hash text NOT NULL,
  state text NOT NULL CHECK (state IN ('done', 'refused')),
  message text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN change.message IS 'A sentence for whoever asked.';
COMMENT ON COLUMN change.content_hash IS 'The same id with another hash is another change under a key that is taken.';
CREATE INDEX change_age ON change (at);
CREATE VIEW change_view AS SELECT change_id, kind, actor, content_hash, state, message, at FROM change;

-- Who did what.
CREATE TABLE audit (
  audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  actor text NOT NULL,
  kind text NOT NULL,
  subject text NOT NULL,
  reason text,
  before jsonb,
  after jsonb,
  change_id uuid
);
COMMENT ON COLUMN audit.actor IS 'person:<id>, link:<id> (a link in a message), key:<name> or cli:<name>.';
COMMENT ON COLUMN audit.before IS 'What was there; null: nothing.';
COMMENT ON COLUMN audit.change_id IS 'Null: it was done by a command, or by the edge itself.';
CREATE INDEX audit_at ON audit (at);
CREATE VIEW audit_view AS SELECT audit_id, at, actor, kind, subject, reason, before, after, change_id FROM audit;
