-- Up Migration

-- Keys of people and programs that use the operator API. A key has 256 random bits, so its plain SHA-256 tells nothing.
CREATE TABLE api_key (
  key_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  hash bytea NOT NULL UNIQUE,
  -- How the key begins, to tell which one lies in a vault.
  hint text NOT NULL,
  name text NOT NULL,
  role text NOT NULL CHECK (role IN ('viewer', 'operator')),
  created_at timestamptz NOT NULL DEFAULT now(),
  -- Written every few minutes at most.
  last_used_at timestamptz,
  expires_at timestamptz,
  revoked_at timestamptz
);
-- The name of a revoked key may be given again.
CREATE UNIQUE INDEX api_key_name ON api_key (name) WHERE revoked_at IS NULL;
