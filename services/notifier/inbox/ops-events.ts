import { z } from 'zod'
import { type Handler, ok } from '#runtime/consume/outcome.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { insertRecords } from '#runtime/postgres/insert-records.ts'
import { withLedger } from '#runtime/postgres/ledger.ts'
import type { OpsEvent } from '#schemas/generated/types.ts'

/** What is stored of an event, with the types of the columns. */
const eventColumns = {
  event_id: 'uuid',
  dedupe_key: 'text',
  kind: 'text',
  service: 'text',
  data_source_id: 'int4',
  subject: 'text',
  message: 'text',
  resolved: 'bool',
  at: 'ms',
}

const incidentRow = z.object({ dedupe_key: z.string(), is_open: z.boolean() })

/** Stores the operational events that open or close an incident. Further events of an open incident are ignored. */
export function storeOpsEvents(database: Database, wake: () => void): Handler<OpsEvent> {
  return async (batch) => {
    const events = batch.map(({ value: { event_id } }) => ({ event_id }))
    await withLedger(database, 'notifier', events, async (tx, verdicts) => {
      const fresh = batch.map(({ value }) => value).filter((_, index) => verdicts[index] === 'fresh')
      await insertRecords(tx, ['notifier', 'ops_event'], eventColumns, await keepTransitions(tx, fresh))
    })
    wake()
    return batch.map(() => ok())
  }
}

/** Those of `events` that open an incident or close an open one. Records the state of each incident after them. */
async function keepTransitions(tx: Transaction, events: readonly OpsEvent[]): Promise<OpsEvent[]> {
  const keys = [...new Set(events.map(({ dedupe_key }) => dedupe_key))].sort()
  // The rows must exist before they are locked: another partition may bring the same incident at the same time.
  await tx.query(sql.unsafe`
    INSERT INTO notifier.ops_story (dedupe_key, is_open) SELECT unnest(${sql.array(keys, 'text')}), false
    ON CONFLICT DO NOTHING`)
  const incidents = await tx.any(sql.type(incidentRow)`
    SELECT dedupe_key, is_open FROM notifier.ops_story WHERE dedupe_key = ANY(${sql.array(keys, 'text')})
    ORDER BY dedupe_key FOR UPDATE`)
  const isOpen = new Map(incidents.map((incident) => [incident.dedupe_key, incident.is_open]))
  const transitions = events.filter(({ dedupe_key, resolved }) => {
    const isTransition = isOpen.get(dedupe_key) === resolved
    if (isTransition) isOpen.set(dedupe_key, !resolved)
    return isTransition
  })
  await tx.query(sql.unsafe`
    UPDATE notifier.ops_story s SET is_open = d.is_open, changed_at = now()
    FROM ${sql.unnest([...isOpen], ['text', 'bool'])} AS d (dedupe_key, is_open)
    WHERE s.dedupe_key = d.dedupe_key AND s.is_open <> d.is_open`)
  return transitions
}
