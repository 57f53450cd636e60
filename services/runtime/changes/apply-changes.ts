import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { classify } from '../calls/retry.ts'
import { handleSound } from '../consume/handle-sound.ts'
import { drop, type Handler, ok } from '../consume/outcome.ts'
import { type Database, sql, type Transaction } from '../postgres/database.ts'
import type { Change } from '#schemas/generated/types.ts'
import { findForbidden } from './allowed.ts'
import { writeAudit } from './audit.ts'
import { contentHash, findFault, readChange } from './change-record.ts'
import { type KindName, kindOf, type KindOf, type Owner, type Payload, type PayloadInput } from './kinds.ts'
import type { Actor, Role } from './roles.ts'

/** A change that must not be made, with a sentence for whoever asked for it. */
export class RefusedError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'RefusedError'
  }
}

/** What a change has done. */
export type Applied = {
  /** A sentence for whoever asked. */
  message: string
  /** What was there before and what is there now, for the audit log; null: nothing. Equal ones leave no audit row. */
  before: unknown
  after: unknown
  /** Of a row that was made or changed. */
  id?: number
}

/** What is known about a change besides its payload. */
export type Asked = {
  id: string
  actor: Actor
  /** When it was asked for, ms since 1970. */
  at: number
}

/**
 * Makes one kind of change, in the transaction of its outcome. Throws a RefusedError where it must not be made: then
 * nothing of it stays. It may run more than once, and must do everything through `tx`.
 */
export type Apply<P> = (tx: Transaction, payload: P, asked: Asked) => Promise<Applied>

/** The changes that a service makes. */
export type Appliers<O extends Owner> = { [K in KindOf<O>]: Apply<Payload<K>> }

/**
 * Makes the changes that `owner` is asked for, each once: its effect, its outcome (`<owner>.change`, which is the ledger,
 * too) and its audit row are one transaction. What is refused has an outcome that says why. Calls `wake` after changes.
 */
export function takeChanges<O extends Owner>(
  owner: O,
  database: Database,
  appliers: Appliers<O>,
  wake: () => void = () => undefined,
): Handler<Change> {
  return handleSound(findFault, async (batch) => {
    const own = batch.filter(({ value }) => value.owner === owner)
    for (const { value } of own) await settle(owner, database, appliers, value)
    if (own.length > 0) wake()
    return batch.map(({ value }) => (value.owner === owner ? ok() : drop(`not for the ${owner}`)))
  })
}

const idRow = z.object({ change_id: z.string() })

async function settle<O extends Owner>(
  owner: O,
  database: Database,
  appliers: Appliers<O>,
  change: Change,
): Promise<void> {
  const table = sql.identifier([owner, 'change'])
  await database.transaction(async (tx) => {
    const fresh = await tx.maybeOne(sql.type(idRow)`
      INSERT INTO ${table} (change_id, kind, actor, content_hash, state, message)
      VALUES (${change.event_id}, ${change.kind}, ${change.actor}, ${contentHash(change)}, 'done', '')
      ON CONFLICT (change_id) DO NOTHING RETURNING change_id`)
    // Without a row it was made before. A key that is used for another change is answered by the edge (content_hash).
    if (!fresh) return
    const actor = { name: change.actor, role: change.role as Role }
    const asked = { id: change.event_id, actor, at: change.requested_at }
    const outcome = await tx
      .transaction(async (inner) => {
        const read = readChange(change)
        if ('refusal' in read) throw new RefusedError(read.refusal)
        const forbidden = findForbidden(actor, read.kind, read.payload)
        if (forbidden !== null) throw new RefusedError(forbidden)
        const audited = { reason: change.reason, changeId: change.event_id }
        const { message } = await applyOne(inner, owner, appliers, read, asked, audited)
        return { state: 'done', message }
      })
      .catch(toRefusal)
    await tx.query(sql.unsafe`
      UPDATE ${table} SET state = ${outcome.state}, message = ${outcome.message} WHERE change_id = ${change.event_id}`)
  })
}

/** What the database refuses is refused, too: the rows may have gone since the edge looked. */
function toRefusal(error: unknown): { state: 'refused'; message: string } {
  if (error instanceof RefusedError) return { state: 'refused', message: error.message.slice(0, 1000) }
  if (classify(error) !== 'poison') throw error
  return { state: 'refused', message: 'The database refuses these values.' }
}

async function applyOne<O extends Owner>(
  tx: Transaction,
  owner: O,
  appliers: Appliers<O>,
  { kind, payload }: { kind: KindName; payload: unknown },
  asked: Asked,
  audited: { reason: string | null; changeId: string | null },
): Promise<Applied> {
  if (!Object.hasOwn(appliers, kind)) throw new RefusedError(`The ${owner} makes no change ${kind}.`)
  const apply = (appliers as Record<string, Apply<unknown>>)[kind] as Apply<unknown>
  const applied = await apply(tx, payload, asked)
  const { before, after } = applied
  if (JSON.stringify(before) !== JSON.stringify(after))
    await writeAudit(tx, owner, {
      ...{ actor: asked.actor.name, kind, subject: kindOf(kind).subject(payload), before, after },
      ...audited,
    })
  return applied
}

/**
 * Makes a change at once and in a transaction of its own, for a command: with the same function, checks and audit row as
 * one that comes from the topic. Throws a RefusedError, of which the command prints the sentence.
 */
export function applyNow<O extends Owner, K extends KindOf<O>>(
  database: Pick<Database, 'transaction'>,
  owner: O,
  appliers: Appliers<O>,
  {
    kind,
    payload,
    actor,
    at,
    reason = null,
  }: { kind: K; payload: PayloadInput<K>; actor: Actor; at: number; reason?: string | null },
): Promise<Applied> {
  const asked = { id: randomUUID(), actor, at }
  return database.transaction((tx) => {
    const read = readChange({ kind, payload: JSON.stringify(payload) })
    if ('refusal' in read) throw new RefusedError(read.refusal)
    return applyOne(tx, owner, appliers, read, asked, { reason, changeId: null })
  })
}
