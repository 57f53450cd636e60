-- Up Migration

-- The outcome of each change that this service was asked for (ops.commands.v1), which is the ledger, too.
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

-- Who did what. Ids begin beyond those of policy_change, which are in the same view.
CREATE TABLE audit (
  audit_id bigint GENERATED ALWAYS AS IDENTITY (START WITH 1000000000) PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  actor text NOT NULL,
  kind text NOT NULL,
  subject text NOT NULL,
  reason text,
  before jsonb,
  after jsonb,
  change_id uuid
);
CREATE INDEX audit_at ON audit (at);

-- Stands in audit, too. Commands of before write rows for which that is false.
ALTER TABLE policy_change ADD audited bool NOT NULL DEFAULT false;

CREATE OR REPLACE VIEW audit_view AS
SELECT audit_id, at, actor, kind, subject, reason, before, after, change_id FROM audit
UNION ALL
SELECT change_no, at, 'cli:' || by, 'scheduler.schedule.' || split_part(what, ' ', 1), 'source:' || data_source_id,
  after->>'pause_reason',
  CASE WHEN what LIKE 'run %' THEN NULL ELSE before END,
  CASE WHEN what LIKE 'run %' THEN to_jsonb(what) ELSE after END, NULL::uuid
FROM policy_change WHERE NOT audited;
