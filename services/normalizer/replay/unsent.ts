import { z } from 'zod'
import { type Output, output, type Publish } from '#runtime/kafka/output.ts'
import { column } from '#runtime/postgres/column.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { topics } from '#schemas/topics.ts'
import { readLedger } from '../ledger/ledger-rows.ts'
import type { Maps } from '../loaded-maps.ts'
import { observe, partLimits } from '../store/observe.ts'
import { readValues } from '../store/values.ts'
import type { StoredPayload } from '../store/written.ts'

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

const rowsAtOnce = 500

/**
 * Sends the observations of replays and corrections: the values that each of them brought, as they are stored. After a crash
 * they are sent again, and the analyzer knows them. `known`: what need not be read again, because it was just stored.
 * Returns whether there may be more.
 */
export async function sendUnsent(
  database: Database,
  maps: Maps,
  publish: Publish,
  known: readonly StoredPayload[],
): Promise<boolean> {
  const unsent = await database.any(sql.type(unsentRow.extend({ event_id: z.string() }))`
    SELECT event_no, has_replaced,
      (SELECT event_id FROM normalizer.processed_event p WHERE p.event_no = u.event_no) AS event_id
    FROM normalizer.unsent_observation u ORDER BY event_no LIMIT ${rowsAtOnce}`)
  if (unsent.length === 0) return false
  const stored = new Map(known.map((one) => [one.row.event_no, one]))
  const missing = unsent.filter(({ event_no }) => !stored.has(event_no))
  for (const one of await readBrought(database, missing)) stored.set(one.row.event_no, one)
  const outputs: Output[] = []
  for (const { event_no } of unsent) {
    const one = stored.get(event_no)!
    const { company_id, data_source_id, event_id, map_version } = one.row
    // Another process may have replayed it, by a version that this one has yet to read.
    const map = await maps.find(data_source_id, map_version ?? 0)
    const names = (typeof map === 'string' ? null : map.compiled?.names) ?? new Map<number, string>()
    outputs.push(
      ...observe(one, names, partLimits).map((each) => output(topics.observations, company_id, event_id, each)),
    )
  }
  await publish(outputs)
  await database.query(sql.unsafe`
    DELETE FROM normalizer.unsent_observation WHERE event_no = ANY(${column(unsent, 'int8', (one) => one.event_no)})`)
  return unsent.length === rowsAtOnce
}

/** What these rows of the ledger have brought. */
async function readBrought(
  database: Database,
  unsent: readonly (Unsent & { event_id: string })[],
): Promise<StoredPayload[]> {
  if (unsent.length === 0) return []
  const { ledger, values } = await database.transaction(async (tx) => {
    const ledger = await readLedger(
      tx,
      unsent.map(({ event_id }) => event_id),
    )
    const firsts = [...ledger.values()].map((rows) => rows[0]!)
    return { ledger, values: Map.groupBy(await readValues(tx, firsts), ({ event_no }) => event_no) }
  })
  return unsent.map(({ event_no, event_id, has_replaced: hasReplaced }) => {
    const rows = ledger.get(event_id)!
    const first = rows[0]!
    const brought = (values.get(first.event_no) ?? []).filter(
      ({ generation_no, replay_no }) => (generation_no ?? replay_no) === event_no,
    )
    return {
      event_no: first.event_no,
      row: rows.find((one) => one.event_no === event_no)!,
      values: brought,
      hasReplaced,
    }
  })
}
