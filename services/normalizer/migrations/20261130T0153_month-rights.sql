-- Up Migration

-- The role of the service may not create tables: whoever calls it makes a month's partition as the owner of the schema.
ALTER FUNCTION create_month(timestamptz) SECURITY DEFINER;
