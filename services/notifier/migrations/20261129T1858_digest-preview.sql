-- Up Migration

-- The next digest as it would be now, for whoever asked to see it: the last one of each person and bucket.
CREATE TABLE digest_preview (
  user_id int NOT NULL,
  -- 0: about all that they follow.
  bucket_id int NOT NULL,
  change_id uuid NOT NULL,
  made_at timestamptz NOT NULL DEFAULT now(),
  -- Null: nothing would be sent.
  message jsonb,
  PRIMARY KEY (user_id, bucket_id)
);
CREATE INDEX digest_preview_change ON digest_preview (change_id);
CREATE VIEW digest_preview_view AS SELECT change_id, user_id, bucket_id, made_at, message FROM digest_preview;
