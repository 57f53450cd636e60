-- Up Migration

-- Postgres guesses that hardly any series belongs to no list item, and reads all series where a few are asked for.
CREATE STATISTICS series_state_item ON (nullif(item_key, '')) FROM series_state;
