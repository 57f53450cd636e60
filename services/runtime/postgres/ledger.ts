import { z } from 'zod'
import { column, columnsOf } from './column.ts'
import { type Database, sql, type Transaction } from './database.ts'

/**
 * What one effect is counted by: the same (event_id, replay_id, part) takes effect once. Without `content_hash` the id
 * stands for the content.
 */
export type LedgerEvent = { event_id: string; replay_id?: string | null; part?: number; content_hash?: string }

/** What the ledger says of an event. `conflict`: the id is known, with another content. */
export type Verdict = 'fresh' | 'repeated' | 'conflict'

/**
 * Runs `effect` and writes the rows of `<schema>.processed_event` in one transaction: after a crash there are both or
 * none. `effect` gets the verdict of each event, in order, and may only touch Postgres through `tx`; it may run more
 * than once (serialization failures and deadlocks repeat the whole transaction). An event that comes twice within
 * `events` is repeated the second time.
 *
 * The table needs event_id uuid, replay_id text, part int (unique together) and content_hash text; other columns need a
 * default, or come in `columns`: name → [Postgres type, one value per event].
 */
export function withLedger<T>(
  database: Database,
  schema: string,
  events: readonly LedgerEvent[],
  effect: (tx: Transaction, verdicts: Verdict[]) => Promise<T>,
  columns: Record<string, [type: string, values: (string | number | null)[]]> = {},
): Promise<T> {
  return database.transaction(async (tx) => effect(tx, await recordEvents(tx, schema, events, columns)))
}

const known = z.object({
  event_id: z.string(),
  replay_id: z.string(),
  part: z.number(),
  content_hash: z.string(),
  fresh: z.boolean(),
})

async function recordEvents(
  tx: Transaction,
  schema: string,
  events: readonly LedgerEvent[],
  columns: Record<string, [string, (string | number | null)[]]>,
): Promise<Verdict[]> {
  const table = sql.identifier([schema, 'processed_event'])
  // In one order everywhere, so that two transactions with the same events wait for each other instead of deadlocking.
  const order = events.map((_, index) => index).sort((a, b) => (keyOf(events[a]) < keyOf(events[b]) ? -1 : 1))
  const ofEvent = columnsOf(order.map((index) => events[index] as LedgerEvent))
  const names = Object.keys(columns)
  const arrays = [
    ofEvent('uuid', ({ event_id }) => event_id),
    ofEvent('text', ({ replay_id }) => replay_id ?? ''),
    ofEvent('int4', ({ part }) => part ?? 1),
    ofEvent('text', ({ content_hash }) => content_hash ?? ''),
    ...names.map((name) => {
      const [type, values] = columns[name] as [string, (string | number | null)[]]
      return column(order, type, (index) => values[index] ?? null)
    }),
  ]
  const fields = sql.join(
    ['event_id', 'replay_id', 'part', 'content_hash', ...names].map((name) => sql.identifier([name])),
    sql.fragment`, `,
  )
  const inserted = await tx.any(sql.type(known)`
    INSERT INTO ${table} (${fields})
    SELECT * FROM unnest(${sql.join(arrays, sql.fragment`, `)})
    ON CONFLICT (event_id, replay_id, part) DO NOTHING
    RETURNING event_id, replay_id, part, content_hash, true AS fresh`)
  const seen = new Map(inserted.map((row) => [keyOf(row), row]))
  const missing = events.filter((event) => !seen.has(keyOf(event)))
  if (missing.length > 0) {
    const earlier = await tx.any(sql.type(known)`
      SELECT event_id, replay_id, part, content_hash, false AS fresh FROM ${table}
      WHERE event_id = ANY(${column(missing, 'uuid', ({ event_id }) => event_id)})`)
    for (const row of earlier) if (!seen.has(keyOf(row))) seen.set(keyOf(row), row)
  }
  return events.map((event) => {
    const row = seen.get(keyOf(event))
    if (!row || row.content_hash !== (event.content_hash ?? row.content_hash)) return 'conflict'
    const verdict = row.fresh ? 'fresh' : 'repeated'
    row.fresh = false
    return verdict
  })
}

function keyOf(event: Pick<LedgerEvent, 'event_id' | 'replay_id' | 'part'> | undefined): string {
  return `${event?.event_id}/${event?.replay_id ?? ''}/${event?.part ?? 1}`
}
