-- Up Migration

-- What could not be stored and nothing has judged anew, by source and reason. Cheap also where it is much.
CREATE VIEW open_refusals_view AS
SELECT data_source_id, reason, count(*) AS rows, sum(leaves) AS leaves, min(refused_at) AS oldest, max(refused_at) AS newest
FROM refused WHERE superseded_by IS NULL GROUP BY data_source_id, reason;
