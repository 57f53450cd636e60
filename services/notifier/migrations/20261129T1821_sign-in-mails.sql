-- Up Migration

ALTER TABLE notification
  DROP CONSTRAINT notification_kind_check,
  ADD CONSTRAINT notification_kind_check CHECK (kind IN ('news', 'ops', 'digest', 'test', 'sign_in'));
