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
  ends: 'uuid',
}

const incidentRow = z.object({ dedupe_key: z.string(), is_open: z.boolean() })
const openingRow = z.object({ dedupe_key: z.string(), event_id: z.string() })

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

/** An event, and the event that opened the incident that it closes; null: it opens one. */
type Transition = OpsEvent & { ends: string | null }

/** Those of `events` that open an incident or close an open one. Records the state of each incident after them. */
async function keepTransitions(tx: Transaction, events: readonly OpsEvent[]): Promise<Transition[]> {
  const keys = [...new Set(events.map(({ dedupe_key }) => dedupe_key))].sort()
  // The rows must exist before they are locked: another partition may bring the same incident at the same time.
  await tx.query(sql.unsafe`
    INSERT INTO notifier.ops_story (dedupe_key, is_open) SELECT unnest(${sql.array(keys, 'text')}), false
    ON CONFLICT DO NOTHING`)
  const incidents = await tx.any(sql.type(incidentRow)`
    SELECT dedupe_key, is_open FROM notifier.ops_story WHERE dedupe_key = ANY(${sql.array(keys, 'text')})
    ORDER BY dedupe_key FOR UPDATE`)
  const isOpen = new Map(incidents.map((incident) => [incident.dedupe_key, incident.is_open]))
  const openedBy = await findOpenings(
    tx,
    incidents.flatMap(({ dedupe_key, is_open }) => (is_open ? dedupe_key : [])),
  )
  const transitions = events.flatMap((event): Transition[] => {
    const { dedupe_key, resolved, event_id } = event
    if (isOpen.get(dedupe_key) !== resolved) return []
    isOpen.set(dedupe_key, !resolved)
    const ends = resolved ? (openedBy.get(dedupe_key) ?? null) : null
    openedBy.set(dedupe_key, event_id)
    return [{ ...event, ends }]
  })
  await tx.query(sql.unsafe`
    UPDATE notifier.ops_story s SET is_open = d.is_open, changed_at = now()
    FROM ${sql.unnest([...isOpen], ['text', 'bool'])} AS d (dedupe_key, is_open)
    WHERE s.dedupe_key = d.dedupe_key AND s.is_open <> d.is_open`)
  return transitions
}

/** The event that opened each of these incidents, as far as it is stored. Called while they are locked. */
async function findOpenings(tx: Transaction, keys: readonly string[]): Promise<Map<string, string>> {
  if (keys.length === 0) return new Map()
  const rows = await tx.any(sql.type(openingRow)`
    SELECT k.dedupe_key, e.event_id FROM unnest(${sql.array(keys, 'text')}) AS k (dedupe_key)
    CROSS JOIN LATERAL (
      SELECT event_id FROM notifier.ops_event e
      WHERE NOT e.resolved AND e.dedupe_key = k.dedupe_key
        AND hashtextextended(e.dedupe_key, 0) = hashtextextended(k.dedupe_key, 0)
      ORDER BY e.received_at DESC, e.at DESC LIMIT 1
    ) e`)
  return new Map(rows.map(({ dedupe_key, event_id }) => [dedupe_key, event_id]))
}
