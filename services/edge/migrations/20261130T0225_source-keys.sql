-- Up Migration

-- public.data_source.id, of which the key may send payloads, and do nothing else; null: a key of the operator API. No
-- foreign key, which would put triggers on a table of parma-web. Such a key has a form of its own, so that an edge of an
-- earlier version takes it for no key at all.
ALTER TABLE api_key ADD COLUMN data_source_id int;
