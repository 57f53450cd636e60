-- The trace that a withheld payload belongs to: its news items go on in it when they are released.
ALTER TABLE withheld_payload ADD traceparent text;
