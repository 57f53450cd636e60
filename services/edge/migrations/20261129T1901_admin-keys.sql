-- Up Migration

ALTER TABLE api_key
  DROP CONSTRAINT api_key_role_check,
  ADD CONSTRAINT api_key_role_check CHECK (role IN ('viewer', 'operator', 'admin'));
