-- Up Migration

-- What somebody said that more of a measurement means, before what its name and the setting POLARITY say.
CREATE TABLE own_polarity (
  source_measurement_id int PRIMARY KEY,
  polarity text NOT NULL CHECK (polarity IN ('good', 'bad', 'neither')),
  weight double precision CHECK (weight BETWEEN 0 AND 1),
  changed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN own_polarity.weight IS 'How much it counts, from 0 to 1; null: as its name says.';
