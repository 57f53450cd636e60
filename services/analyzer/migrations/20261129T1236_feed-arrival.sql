-- Up Migration

-- When the newest payload of a feed was judged. Null: by an earlier version.
ALTER TABLE feed ADD COLUMN came_at timestamptz(3);
