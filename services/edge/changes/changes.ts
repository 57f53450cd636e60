import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { type ChangeOptions, contentHash, makeChange } from '#runtime/changes/change-record.ts'
import type { KindName, PayloadInput } from '#runtime/changes/kinds.ts'
import type { Actor } from '#runtime/changes/roles.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { topics } from '#schemas/topics.ts'
import type { Viewer } from '../access/viewer.ts'
import type { Bounded } from '../http/deadline.ts'
import type { Cause, Publish } from '../publish/publish.ts'

const outcomeRow = z.object({
  change_id: z.string(),
  kind: z.string(),
  actor: z.string(),
  state: z.enum(['done', 'refused']),
  /** A sentence for whoever asked. */
  message: z.string(),
  /** When it was made or refused, ms since 1970. */
  at: z.number(),
  content_hash: z.string(),
})

/** What became of a change. */
type Outcome = z.output<typeof outcomeRow>

/** An idempotency key that its actor used for another change. */
export class TakenKeyError extends Error {
  constructor() {
    super('this key was used for another change: take a new one')
    this.name = 'TakenKeyError'
  }
}

/** Whoever asks, as the owner of the rows knows them. */
export function actorOf({ userId, role, name }: Viewer): Actor {
  return { name: userId === null ? `key:${name}` : `person:${userId}`, role }
}

/** What handlers need to have something changed. */
export type Changes = {
  /**
   * Asks the owner of the rows for a change. Resolves with its id when the request is durable in Kafka; the same
   * `idempotencyKey` of the same actor gives the same id, and takes effect once. Rejects with a ZodError when the payload
   * is not that of its kind, with a TakenKeyError when the key was used for another change, and with an HttpError (503) when the broker does not confirm it.
   */
  sendChange<K extends KindName>(
    actor: Actor,
    kind: K,
    payload: PayloadInput<K>,
    options?: ChangeOptions & Partial<Cause>,
  ): Promise<string>
  /**
   * What became of a change, when that is known within `ms`; else null, also while Postgres does not answer: the change is
   * made all the same. With 0 ms it rejects with an HttpError (503) then.
   */
  waitForOutcome(id: string, ms: number): Promise<Outcome | null>
}

const pollMs = 60

export function openChanges({
  publish,
  database,
  bounded,
}: {
  publish: Publish
  database: Database
  bounded: Bounded
}): Changes {
  return {
    async sendChange(actor, kind, payload, { traceparent, ...options } = {}) {
      const { key, value } = makeChange(actor, kind, payload, Date.now(), options)
      if (options.idempotencyKey !== undefined) {
        const known = await bounded(readOutcome(database, value.event_id))
        if (known !== null && known.content_hash !== contentHash(value)) throw new TakenKeyError()
      }
      await publish(topics.changes, key, value, { traceparent })
      return value.event_id
    },
    async waitForOutcome(id, ms) {
      const until = performance.now() + ms
      for (;;) {
        const outcome = await bounded(readOutcome(database, id)).catch((error: unknown) => {
          if (ms === 0) throw error
          return null
        })
        if (outcome !== null || performance.now() >= until) return outcome
        await delay(pollMs)
      }
    },
  }
}

/** The outcome of a change; null: it is not known yet. */
function readOutcome(database: Database, id: string): Promise<Outcome | null> {
  return database.maybeOne(sql.type(outcomeRow)`
    SELECT change_id, kind, actor, state, message, at, content_hash FROM notifier.change_view WHERE change_id = ${id}::uuid
    UNION ALL
    SELECT change_id, kind, actor, state, message, at, content_hash FROM analyzer.change_view WHERE change_id = ${id}::uuid
    UNION ALL
    SELECT change_id, kind, actor, state, message, at, content_hash FROM normalizer.change_view WHERE change_id = ${id}::uuid
    UNION ALL
    SELECT change_id, kind, actor, state, message, at, content_hash FROM scheduler.change_view WHERE change_id = ${id}::uuid`)
}
