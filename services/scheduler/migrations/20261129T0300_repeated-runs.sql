-- Up Migration

ALTER TABLE run
  -- The companies of which the edge refused a payload for a reason that passes, as the module says in its finish record.
  ADD refused_companies int[],
  -- The task whose refused companies this run asks for again, and how many such runs came before it in a row.
  ADD repeat_of int,
  ADD repeat_no int NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX run_repeat ON run (repeat_of) WHERE repeat_of IS NOT NULL;
