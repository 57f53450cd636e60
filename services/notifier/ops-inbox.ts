import { z } from 'zod'
import type { OpsEvent } from '#schemas/generated/types.ts'
import { withLedger } from '#runtime/ledger.ts'
import { type Handler, ok } from '#runtime/outcome.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres.ts'

const storyRow = z.object({ dedupe_key: z.string(), is_open: z.boolean() })

/** Stores operational events worth telling: the first of each story and its end. Others of an open story add nothing. */
export function storeOpsEvents(database: Database, wake: () => void): Handler<OpsEvent> {
  return async (batch) => {
    const events = batch.map(({ value }) => ({
      event_id: value.event_id,
      replay_id: null,
      content_hash: value.event_id,
    }))
    await withLedger(database, 'notifier', events, async (tx, verdicts) => {
      const fresh = batch.map(({ value }) => value).filter((_, index) => verdicts[index] === 'fresh')
      await addOpsEvents(tx, await keepTurns(tx, fresh))
    })
    wake()
    return batch.map(() => ok())
  }
}

/** Those of `events` that open a story or close an open one. Writes how each story stands after them. */
async function keepTurns(tx: Transaction, events: readonly OpsEvent[]): Promise<OpsEvent[]> {
  const keys = [...new Set(events.map(({ dedupe_key }) => dedupe_key))].sort()
  const known = await tx.any(sql.type(storyRow)`
    SELECT dedupe_key, is_open FROM notifier.ops_story WHERE dedupe_key = ANY(${sql.array(keys, 'text')}) FOR UPDATE`)
  const isOpen = new Map(known.map((story) => [story.dedupe_key, story.is_open]))
  const turns = events.filter(({ dedupe_key, resolved }) => {
    const isTurn = (isOpen.get(dedupe_key) ?? false) === resolved
    if (isTurn) isOpen.set(dedupe_key, !resolved)
    return isTurn
  })
  await tx.query(sql.unsafe`
    INSERT INTO notifier.ops_story (dedupe_key, is_open)
    SELECT * FROM ${sql.unnest(
      keys.flatMap((key) => (isOpen.has(key) ? [[key, isOpen.get(key) as boolean]] : [])),
      ['text', 'bool'],
    )}
    ON CONFLICT (dedupe_key) DO UPDATE SET is_open = excluded.is_open, changed_at = now()`)
  return turns
}

async function addOpsEvents(tx: Transaction, events: readonly OpsEvent[]): Promise<void> {
  await tx.query(sql.unsafe`
    INSERT INTO notifier.ops_event (event_id, dedupe_key, kind, service, data_source_id, subject, message, resolved, at)
    SELECT event_id, dedupe_key, kind, service, data_source_id, subject, message, resolved, to_timestamp(at)
    FROM ${sql.unnest(
      events.map((one) => [
        ...[
          one.event_id,
          one.dedupe_key,
          one.kind,
          one.service,
          one.data_source_id,
          one.subject,
          one.message,
          one.resolved,
        ],
        one.at / 1000,
      ]),
      ['uuid', 'text', 'text', 'text', 'int4', 'text', 'text', 'bool', 'float8'],
    )} AS d (event_id, dedupe_key, kind, service, data_source_id, subject, message, resolved, at)`)
}
