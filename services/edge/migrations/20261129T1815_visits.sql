-- Up Migration

-- Until when people have seen the news. public."user".id has no foreign key, which would put triggers on a table of
-- parma-web.
CREATE TABLE visit (
  user_id int PRIMARY KEY,
  -- When they last opened the news.
  last_at timestamptz NOT NULL,
  -- The end of the visit before this one. Null: this is their first.
  seen_until timestamptz
);
