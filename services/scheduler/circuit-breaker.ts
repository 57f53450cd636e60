import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import type { Config } from './config.ts'

type Fragment = ReturnType<typeof sql.fragment>

/** An index takes no longer one. */
const maxEndpointBytes = 2000

/**
 * The module behind an endpoint, the same for each spelling of its address; null: there is none. parma-web's rows are of any
 * length: of a longer one it is the beginning and a hash.
 */
export function moduleOf(endpoint: Fragment): Fragment {
  return sql.fragment`CASE WHEN octet_length(${endpoint}) > ${maxEndpointBytes}::int
    THEN concat(left(${endpoint}, 100), '… md5:', md5(${endpoint}))
    ELSE nullif(rtrim(trim(CASE strpos(${endpoint}, '://') WHEN 0 THEN ${endpoint}
      ELSE substr(${endpoint}, strpos(${endpoint}, '://') + 3) END), '/'), '') END`
}

/** How long a circuit breaker stays open at first: a module that restarts is back by then. */
const openSeconds = 300

/** The longest it stays open: a module that works again is noticed within the hour. */
const maxOpenSeconds = 3600

/**
 * Counts failed attempts of modules. BREAKER_FAILURES in a row, over all sources of a module, open its circuit breaker,
 * for twice as long with each further failure.
 */
export async function noteFailures(
  settings: Config,
  tx: Transaction,
  failed: readonly { data_source_id: number; reason: string }[],
): Promise<void> {
  if (failed.length === 0) return
  const { BREAKER_FAILURES } = settings
  const openUntil = (failures: Fragment) => sql.fragment`CASE WHEN ${failures} >= ${BREAKER_FAILURES}::int THEN now() +
    least(${openSeconds} * 2 ^ least(${failures} - ${BREAKER_FAILURES}::int, 30), ${maxOpenSeconds}) * interval '1 second' END`
  await tx.query(sql.unsafe`
    WITH failed AS (
      SELECT ${moduleOf(sql.fragment`s.invocation_endpoint`)} AS module, count(*)::int AS failures, max(f.reason) AS reason
      FROM ${sql.unnest(
        failed.map(({ data_source_id, reason }) => [data_source_id, reason]),
        ['int4', 'text'],
      )} AS f (data_source_id, reason)
      JOIN public.data_source s ON s.id = f.data_source_id
      GROUP BY 1
    )
    INSERT INTO scheduler.module AS m (module, failures, reason, rests_until)
    SELECT module, failures, reason, ${openUntil(sql.fragment`failures`)} FROM failed WHERE module IS NOT NULL ORDER BY module
    ON CONFLICT (module) DO UPDATE
    SET failures = m.failures + excluded.failures, reason = excluded.reason,
      rests_until = ${openUntil(sql.fragment`(m.failures + excluded.failures)`)}`)
}

/** Closes the circuit breakers of the modules of these sources, because a run of each has finished. */
export async function noteSuccess(tx: Transaction, sourceIds: readonly number[]): Promise<void> {
  if (sourceIds.length === 0) return
  await tx.query(sql.unsafe`
    DELETE FROM scheduler.module WHERE module IN (
      SELECT ${moduleOf(sql.fragment`s.invocation_endpoint`)} FROM public.data_source s
      WHERE s.id = ANY(${sql.array([...sourceIds], 'int4')}))`)
}

const lockClass = 0x5cee

/** Locks those of `modules` that no other process is claiming runs of, until the transaction ends. Does not wait. */
export async function lockModules(tx: Transaction, modules: readonly string[]): Promise<Set<string>> {
  if (modules.length === 0) return new Set()
  const rows = await tx.anyFirst(sql.type(z.object({ module: z.string() }))`
    WITH named AS MATERIALIZED (SELECT unnest(${sql.array([...modules], 'text')}) AS module)
    SELECT module FROM named WHERE pg_try_advisory_xact_lock(${lockClass}, hashtext(module))`)
  return new Set(rows)
}
