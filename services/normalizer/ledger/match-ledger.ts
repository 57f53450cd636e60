import type { Transaction } from '#runtime/postgres/database.ts'
import { type PayloadRefused, type Readable, reasonOf } from '#runtime/understand/understand.ts'
import type { RawPayload } from '#schemas/generated/types.ts'
import { type LedgerRow, newRow, readLedger, takeEventNos } from './ledger-rows.ts'
import { type Clocks, giveTime } from './observed-clock.ts'
import type { Matched, Work } from './work.ts'

/**
 * The payloads of a batch with their rows in the ledger, stored or new; null if the event is known with other content.
 * If a payload comes twice in one batch, the first is fresh.
 */
export async function matchLedger(
  tx: Transaction,
  batch: readonly Work[],
  clocks: Clocks,
): Promise<(Matched<Readable> | null)[]> {
  const ledger = await readLedger(
    tx,
    batch.map(({ payload }) => payload.event_id),
  )
  const unknown = batch.filter(({ payload }) => !findRow(ledger.get(payload.event_id), payload))
  const eventNos = [...(await takeEventNos(tx, unknown.length))]
  return batch.map(({ payload, result }) => {
    const rows = ledger.get(payload.event_id) ?? []
    const known = findRow(rows, payload)
    if (known && known.content_hash !== payload.content_hash) return null
    const newest = clocks.of(payload).observed
    const time = rows[0]?.observed_at ?? timeOf(payload, result, clocks)
    const row = known ?? newRow(payload, eventNos.shift() as number, time)
    if (!known) ledger.set(payload.event_id, [...rows, row])
    const first = rows[0] ?? row
    const like = rows.find((one) => one.reason === null && one.map_version === result.mapVersion) ?? null
    const isLate = payload.observed_at === null && time < newest
    return { payload, result: checkContent(result, row, first), row, first, like, fresh: !known, isLate }
  })
}

function findRow(rows: readonly LedgerRow[] | undefined, { replay }: RawPayload): LedgerRow | undefined {
  return rows?.find(({ replay_id }) => replay_id === (replay?.replay_id ?? ''))
}

/** A refused time moves no clock. */
function timeOf(payload: RawPayload, result: Work['result'], clocks: Clocks): number {
  return reasonOf(result) === 'observed-at' ? (payload.observed_at as number) : giveTime(clocks, payload)
}

/** A replay must have the same content as the event it replays. */
function checkContent(result: Work['result'], row: LedgerRow, first: LedgerRow): Readable | PayloadRefused {
  if (first.content_hash === row.content_hash) return result
  return { reason: 'conflict', message: 'the event is known with other content', sample: '', mapVersion: null }
}
