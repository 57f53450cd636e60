-- Up Migration

CREATE UNIQUE INDEX digest_by_id ON digest (digest_id);

-- What a reader got, for the page that the digest links to.
CREATE VIEW digest_view AS
SELECT d.digest_id, d.user_id, d.bucket_id, d.rhythm, d.period, d.since, d.made_at, n.message
FROM digest d JOIN notification n ON n.notification_id = d.digest_id;
