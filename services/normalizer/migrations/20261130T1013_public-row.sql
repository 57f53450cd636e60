-- Up Migration

-- A replay or a correction deletes that row by its id: no index leads from a series to its values there.
ALTER TABLE value ADD COLUMN public_id int;
COMMENT ON COLUMN value.public_id IS 'Id of its row in the table of parma-web. Null: stored before ids were kept.';

-- Whether the row of the ledger has taken the place of values: to look it up for each would read all that were superseded.
ALTER TABLE unsent_observation ADD COLUMN has_replaced bool NOT NULL DEFAULT true;
