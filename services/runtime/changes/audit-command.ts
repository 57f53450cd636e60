import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { sql, type Transaction } from '../postgres/database.ts'
import { type Audited, writeAudit } from './audit.ts'
import { commandActor } from './command-actor.ts'

/** What a command did, such as `edge.company.edit`, to what, such as `company:3`. `by`: who says that they did it. */
type Did = { kind: string; subject: string; by?: string }
type Written = Pick<Transaction, 'query'>

/** Writes the audit row of a command, in its transaction; none where nothing has changed. */
export async function auditCommand(
  tx: Written,
  schema: Audited,
  { kind, subject, by, before = null, after = null }: Did & { before?: unknown; after?: unknown },
): Promise<void> {
  if (isDeepStrictEqual(before, after)) return
  const actor = by === undefined ? commandActor().name : `cli:${by}`
  await writeAudit(tx, schema, { actor, kind, subject, before, after })
}

/** Runs `work`, and writes its audit row with what `read` finds before and after it. */
export async function auditWork<T>(
  tx: Written,
  schema: Audited,
  did: Did,
  { read, work }: { read: () => Promise<unknown>; work: () => Promise<T> },
): Promise<T> {
  const before = await read()
  const result = await work()
  await auditCommand(tx, schema, { ...did, before, after: await read() })
  return result
}

const rowRow = z.object({ row: z.record(z.string(), z.unknown()) })

/** A row as an audit row has it, without the time of its change, and locks it; null: there is none. */
export async function readRow(
  tx: Pick<Transaction, 'maybeOneFirst'>,
  table: readonly [schema: string, name: string],
  { key, id }: { key: string; id: number },
): Promise<unknown> {
  return tx.maybeOneFirst(sql.type(rowRow)`
    SELECT to_jsonb(t) - 'modified_at' AS row FROM ${sql.identifier(table)} t WHERE ${sql.identifier([key])} = ${id} FOR UPDATE`)
}
