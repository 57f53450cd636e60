-- Up Migration

-- One row for each thing that a command did to what is no service's: offsets of groups, holds. As in the other schemas.
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
COMMENT ON COLUMN audit.actor IS 'cli:<name>.';
COMMENT ON COLUMN audit.before IS 'What was there; null: nothing.';
COMMENT ON COLUMN audit.change_id IS 'Null: it was done by a command.';
CREATE INDEX audit_at ON audit (at);
CREATE VIEW audit_view AS SELECT audit_id, at, actor, kind, subject, reason, before, after, change_id FROM audit;
