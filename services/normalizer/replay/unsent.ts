import { z } from 'zod'
import { type Output, output, type Publish } from '#runtime/kafka/output.ts'
import { column } from '#runtime/postgres/column.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { topics } from '#schemas/topics.ts'
import { readLedger } from '../ledger/ledger-rows.ts'
import type { Maps } from '../loaded-maps.ts'
import { observe, partLimits } from '../store/observe.ts'
import { readValues } from '../store/values.ts'

const unsentRow = z.object({ event_no: z.number(), has_replaced: z.boolean() })
/** A row of the ledger whose observations must be sent. `has_replaced`: it has taken the place of values. */
type Unsent = z.output<typeof unsentRow>

/** Has the observations of these rows sent, in the transaction that changes their values. */
export async function noteUnsent(tx: Transaction, rows: readonly Unsent[]): Promise<void> {
  if (rows.length === 0) return
  await tx.query(sql.unsafe`
    INSERT INTO normalizer.unsent_observation (event_no, has_replaced)
    SELECT * FROM unnest(
      ${column(rows, 'int8', ({ event_no }) => event_no)}, ${column(rows, 'bool', ({ has_replaced }) => has_replaced)}
    ) ON CONFLICT DO NOTHING`)
}

const rowsAtOnce = 200

/**
 * Sends the observations of replays and corrections, made of what is stored: the values that each of them brought. After a
 * crash they are sent again, and the analyzer knows them. Returns whether there may be more.
 */
export async function sendUnsent(database: Database, maps: Maps, publish: Publish): Promise<boolean> {
  const unsent = await database.any(sql.type(unsentRow.extend({ event_id: z.string() }))`
    SELECT event_no, has_replaced,
      (SELECT event_id FROM normalizer.processed_event p WHERE p.event_no = u.event_no) AS event_id
    FROM normalizer.unsent_observation u ORDER BY event_no LIMIT ${rowsAtOnce}`)
  if (unsent.length === 0) return false
  const { ledger, values } = await database.transaction(async (tx) => {
    const ledger = await readLedger(
      tx,
      unsent.map(({ event_id }) => event_id),
    )
    const firsts = [...ledger.values()].map((rows) => rows[0]!)
    return { ledger, values: Map.groupBy(await readValues(tx, firsts), ({ event_no }) => event_no) }
  })
  const outputs: Output[] = []
  for (const { event_no, event_id, has_replaced: hasReplaced } of unsent) {
    const rows = ledger.get(event_id)!
    const row = rows.find((one) => one.event_no === event_no)!
    const first = rows[0]!
    const brought = (values.get(first.event_no) ?? []).filter(
      ({ generation_no, replay_no }) => (generation_no ?? replay_no) === event_no,
    )
    // Another process may have replayed it, by a version that this one has yet to read.
    const map = await maps.find(row.data_source_id, row.map_version ?? 0)
    const names = (typeof map === 'string' ? null : map.compiled?.names) ?? new Map<number, string>()
    const stored = { event_no: first.event_no, row, values: brought, hasReplaced }
    const observed = observe(stored, names, partLimits)
    outputs.push(...observed.map((one) => output(topics.observations, row.company_id, event_id, one)))
  }
  await publish(outputs)
  await database.query(sql.unsafe`
    DELETE FROM normalizer.unsent_observation WHERE event_no = ANY(${column(unsent, 'int8', (one) => one.event_no)})`)
  return unsent.length === rowsAtOnce
}
