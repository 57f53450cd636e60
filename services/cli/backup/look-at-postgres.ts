import { z } from 'zod'
import { statement } from '#runtime/commands/statement.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { formatCount } from '#runtime/text/format.ts'
import { dayMs, hourMs } from '#runtime/text/time.ts'
import { publicTables } from '#schemas/public-tables.ts'
import { storedTables } from '#schemas/stored-tables.ts'

/** One thing that was looked at. `stops`: the restore cannot go on before it is mended. */
export type Seen = { look: string; found: string; does: string; stops: boolean }

const nameRow = z.object({ name: z.string() })

/** Whether all tables are there: with migrations that are still to run, those of parma-web, which they do not make. */
export async function lookAtTables(database: Database, pending: number): Promise<Seen> {
  const there = await database.any(sql.type(nameRow)`
    SELECT schemaname || '.' || tablename AS name FROM pg_catalog.pg_tables
    UNION SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'p'`)
  const names = new Set(there.map(({ name }) => name))
  const wanted = [...publicTables.map(({ name }) => `public.${name}`), ...storedTables.map(({ name }) => name)]
  const missing = wanted.filter((name) => !names.has(name))
  const lost = pending > 0 ? missing.filter((name) => name.startsWith('public.')) : missing
  if (lost.length > 0) return { look: 'tables', found: `not there: ${lost.join(', ')}`, does: '', stops: true }
  const found =
    pending > 0 ? `older than this version by ${formatCount(pending, 'migration')}` : 'all that this version knows'
  return { look: 'tables', found, does: pending > 0 ? 'npx parma migrate makes the rest' : '', stops: false }
}

/** Clocks of servers differ, and what was under way had effects in some schemas only. */
const marginMs = hourMs

/** How far back a service may have been behind the one before it. */
const longestLagMs = 7 * dayMs

const pointRow = z.object({
  newest: z.number().nullable(),
  unjudged: z.number().nullable(),
  unplanned: z.number().nullable(),
})

/**
 * The time that the database is from, and that from which everything has to be read again (ms since 1970): a service that
 * was behind then has not had what was sent to it.
 */
export async function findPoint(
  database: Database,
  at: number | null,
): Promise<{ newest: string | null; since: number; seen: Seen }> {
  const { newest, ...open } = await database.one(statement(pointQuery, { at, longest: longestLagMs }, pointRow))
  const end = at ?? newest
  if (end === null) {
    const seen = { look: 'time', found: 'nothing was ever processed', does: 'read all that Kafka has', stops: false }
    return { newest: null, since: 0, seen }
  }
  const oldest = Math.min(end, ...Object.values(open).filter((time) => time !== null))
  const isBehind = oldest < end - marginMs
  return {
    newest: new Date(end).toISOString(),
    since: oldest - marginMs,
    seen: {
      look: 'time',
      found: `${at === null ? 'the newest row is' : 'it was restored to a time'} of ${new Date(end).toISOString()}`,
      does: isBehind ? `a service was behind: all since ${new Date(oldest).toISOString()} is read again` : '',
      stops: false,
    },
  }
}

const ms = (time: string) => `floor(extract(epoch FROM ${time}) * 1000)::float8`
const ledgers = storedTables.filter(({ name }) => name.endsWith('.processed_event')).map(({ name }) => name)
/** The newest row by the key; others are pruned, so that all of them can be looked at. */
const newestOf = (name: string) =>
  name === 'normalizer.processed_event'
    ? `(SELECT processed_at FROM normalizer.lineage ORDER BY event_no DESC LIMIT 1)`
    : `(SELECT max(processed_at) FROM ${name})`

const pointQuery = `
  WITH point AS (
    SELECT coalesce(to_timestamp({at}::float8 / 1000), greatest(${ledgers.map(newestOf).join(', ')})) AS at
  ), recent AS (
    SELECT l.event_id, l.received_at FROM normalizer.lineage l, point p
    WHERE l.processed_at > p.at - {longest}::float8 / 1000 * interval '1 second' AND l.replay_id = '' AND l.stored > 0
  )
  SELECT (SELECT ${ms('at')} FROM point) AS newest,
    (SELECT ${ms('min(r.received_at)')} FROM recent r
     WHERE NOT EXISTS (SELECT FROM analyzer.event_status s WHERE s.event_id = r.event_id)) AS unjudged,
    (SELECT ${ms('min(r.received_at)')} FROM recent r JOIN analyzer.news n USING (event_id)
     WHERE NOT n.silent AND NOT EXISTS (SELECT FROM notifier.event_status s WHERE s.event_id = r.event_id)) AS unplanned`
