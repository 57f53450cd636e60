-- Up Migration

-- Who is signed in at which browser. A token has 256 random bits, so its plain SHA-256 tells nothing.
CREATE TABLE session (
  session_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  hash bytea NOT NULL UNIQUE,
  -- public."user".id; no foreign key, which would put triggers on a table of parma-web
  user_id int,
  -- Of whoever signed in with an API key. It has the key's role, and ends with the key.
  key_id int REFERENCES api_key,
  created_at timestamptz NOT NULL DEFAULT now(),
  -- Written every few minutes at most.
  last_seen_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  -- When somebody signed out.
  ended_at timestamptz,
  CHECK (num_nonnulls(user_id, key_id) = 1)
);
CREATE INDEX session_person ON session (user_id) WHERE ended_at IS NULL;
CREATE INDEX session_api_key ON session (key_id) WHERE ended_at IS NULL;
CREATE INDEX session_expiry ON session (expires_at);

-- Links that sign a person in once. A link is the id, signed with LINK_SECRET: the table alone opens nothing.
CREATE TABLE sign_in (
  sign_in_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id int NOT NULL,
  -- The page that the person wanted.
  path text NOT NULL,
  -- SHA-256 of a cookie of the browser that asked for the link. Null: an operator made it.
  browser bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  used_at timestamptz
);
CREATE INDEX sign_in_person ON sign_in (user_id, created_at);
CREATE INDEX sign_in_expiry ON sign_in (expires_at);
