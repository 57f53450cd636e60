-- Up Migration

-- Takes a month out of `value`, under another name: a late value makes the month anew instead of bringing this one back.
-- Writers wait behind the lock that this waits for, so it gives up soon, and whoever called tries again.
CREATE FUNCTION retire_month(month text, retired text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = normalizer, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
  IF month !~ '^value_\d{4}_\d\d$' OR retired !~ '^retired_\d{4}_\d\d_\d+$' THEN
    RAISE EXCEPTION 'not a month of values: %, %', month, retired;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('normalizer.create_month', 0));
  EXECUTE format('ALTER TABLE normalizer.value DETACH PARTITION normalizer.%I', month);
  EXECUTE format('ALTER TABLE normalizer.%I RENAME TO %I', month, retired);
END $$;

-- Deletes a month that was taken out and exported.
CREATE FUNCTION drop_retired_month(retired text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = normalizer, pg_temp AS $$
BEGIN
  IF retired !~ '^retired_\d{4}_\d\d_\d+$' THEN RAISE EXCEPTION 'not a month that was taken out: %', retired; END IF;
  EXECUTE format('DROP TABLE normalizer.%I', retired);
END $$;
