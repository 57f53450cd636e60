-- Up Migration

-- What the notifier that started last makes digests with. Commands compare it with what they have.
CREATE TABLE digest_setting (
  name text PRIMARY KEY,
  value text NOT NULL,
  noted_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN digest_setting.value IS 'Empty: not set. Of a secret, a hash.';
