-- Up Migration

-- What last went wrong at a destination.
CREATE INDEX delivery_troubled ON delivery (destination_id, delivery_id) WHERE reason IS NOT NULL;
