-- Up Migration

-- A map of a handshake that would lose a measurement with history waits for a yes.
ALTER TABLE drift_policy DROP CONSTRAINT drift_policy_policy_check;
ALTER TABLE drift_policy ADD CONSTRAINT drift_policy_policy_check CHECK (policy IN ('ignore', 'tell', 'pause', 'wait'));
