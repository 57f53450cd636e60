import { sql, type Transaction } from '../postgres/database.ts'
import type { Owner } from './kinds.ts'

/** Who has an audit log: owners of rows; `cli` of what is no service's. */
export type Audited = Owner | 'edge' | 'cli'

/** One thing that somebody did. */
export type AuditEntry = {
  /** `person:17`, `key:name`, `link:17` or `cli:name`. */
  actor: string
  /** What was done, such as `notifier.mute.add`. */
  kind: string
  /** To what, such as `person:17`. */
  subject: string
  reason?: string | null
  /** What was there before and what is there now; null: nothing. */
  before: unknown
  after: unknown
  /** The change on the topic; absent: it was made by a command. */
  changeId?: string | null
}

/** Writes a row of `<schema>.audit`, in the transaction of what was done. */
export async function writeAudit(
  tx: Pick<Transaction, 'query'>,
  schema: Audited,
  { actor, kind, subject, reason = null, before, after, changeId = null }: AuditEntry,
): Promise<void> {
  await tx.query(sql.unsafe`
    INSERT INTO ${sql.identifier([schema, 'audit'])} (actor, kind, subject, reason, before, after, change_id)
    VALUES (${actor}, ${kind}, ${subject}, ${reason}, ${toJson(before)}::jsonb, ${toJson(after)}::jsonb, ${changeId}::uuid)`)
}

function toJson(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value)
}
