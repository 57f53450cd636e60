-- Up Migration

ALTER TABLE digest_policy ADD COLUMN all_quiet boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN digest_policy.all_quiet IS 'A digest is sent also when there is no news item.';
