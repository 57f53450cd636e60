import { z } from 'zod'
import { sql, type SqlFragment, type Transaction } from './database.ts'

/**
 * What an advisory lock is for, such as `edge.normalization_map`. A lock that had a number before it had a name keeps
 * the number: during an upgrade processes of both versions must exclude each other.
 */
type LockName = string | number

/**
 * Waits for the lock and holds it until the transaction ends. `of` tells the locks of one name apart, such as one per
 * source.
 */
export async function lock(tx: Transaction, name: LockName, of = 0): Promise<void> {
  await tx.query(sql.unsafe`SELECT pg_advisory_xact_lock(${keyOf(name, of)})`)
}

/** The same for several locks of a name, in which others may hold them in the same way: only a `lock` excludes them. */
export async function lockShared(tx: Transaction, name: string, ofs: Iterable<number>): Promise<void> {
  const ascending = [...new Set(ofs)].sort((a, b) => a - b)
  await tx.query(sql.unsafe`
    SELECT pg_advisory_xact_lock_shared(hashtextextended(${name}, o))
    FROM unnest(${sql.array(ascending, 'int4')}) WITH ORDINALITY AS n (o, position) ORDER BY position`)
}

/**
 * A condition for WHERE that is true once the statement has the lock, in which others may hold it in the same way: only a
 * `lock` excludes them. What the statement itself reads may be older than that.
 */
export function hasSharedLock(name: LockName, of = 0): SqlFragment {
  return sql.fragment`(SELECT pg_advisory_xact_lock_shared(${keyOf(name, of)})) IS NOT NULL`
}

/** Takes the lock until the transaction ends, unless another transaction has it: then false, at once. */
export function tryLock(tx: Transaction, name: LockName, of = 0): Promise<boolean> {
  return tx.oneFirst(
    sql.type(z.object({ locked: z.boolean() }))`SELECT pg_try_advisory_xact_lock(${keyOf(name, of)}) AS locked`,
  )
}

function keyOf(name: LockName, of: number) {
  return typeof name === 'number' ? sql.fragment`${name}::int8` : sql.fragment`hashtextextended(${name}, ${of}::int4)`
}
