-- Up Migration

-- Secrets of channels, encrypted (AES-256-GCM, the name as additional data).
CREATE TABLE secret (
  name text PRIMARY KEY,
  key_id text NOT NULL,
  nonce bytea NOT NULL,
  ciphertext bytea NOT NULL,
  modified_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN secret.key_id IS 'Which of SECRETS_KEYS opens it.';
COMMENT ON COLUMN secret.ciphertext IS 'The text, and the 16 bytes of its authentication tag.';
