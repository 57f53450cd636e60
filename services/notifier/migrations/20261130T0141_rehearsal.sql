-- Up Migration

-- Who would have got how many messages about the news items of a rule's trial: the answer to a change `notifier.audience.try`.
CREATE TABLE rehearsal (
  change_id uuid PRIMARY KEY,
  messages int NOT NULL,
  people jsonb NOT NULL,
  without_recipient jsonb NOT NULL,
  made_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN rehearsal.people IS '[{"person", "at", "messages", "news"}]: by person and destination.';
CREATE INDEX rehearsal_age ON rehearsal (made_at);
CREATE VIEW rehearsal_view AS SELECT change_id, messages, people, without_recipient, made_at FROM rehearsal;
