/** The facts of parma-web’s schema: sha256 of all, sorted, a line each. */
export const publicFactsHash = '6e74449772c388b2d8b907be72ad4bcb02b54dc10e3129dc1fbb417fc30e017f'

/**
 * Every column, key, index, enum, trigger and function of schema `public` as a line of text; names of keys and indexes
 * are left out.
 */
export const factsQuery = `
  SELECT concat_ws(' ', 'column', table_name || '.' || column_name, udt_name, is_nullable,
           coalesce(column_default, '-'), coalesce(datetime_precision::text, '')) AS fact
    FROM information_schema.columns WHERE table_schema = 'public'
  UNION ALL
  SELECT concat_ws(' ', 'constraint', conrelid::regclass, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
  UNION ALL
  SELECT concat_ws(' ', 'index', tablename, regexp_replace(indexdef, 'INDEX [^ ]+ ON', 'INDEX ON'))
    FROM pg_indexes WHERE schemaname = 'public'
  UNION ALL
  SELECT concat_ws(' ', 'enum', typname, string_agg(enumlabel, ',' ORDER BY enumsortorder))
    FROM pg_type JOIN pg_enum ON enumtypid = pg_type.oid WHERE typnamespace = 'public'::regnamespace GROUP BY typname
  UNION ALL
  SELECT concat_ws(' ', 'trigger', event_object_table, trigger_name, action_timing, event_manipulation, action_orientation)
    FROM information_schema.triggers WHERE trigger_schema = 'public'
  UNION ALL
  SELECT concat_ws(' ', 'function', proname) FROM pg_proc WHERE pronamespace = 'public'::regnamespace`
