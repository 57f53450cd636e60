import type { PayloadRefused, Readable, Understood } from '#runtime/understand/understand.ts'
import type { RawPayload } from '#schemas/generated/types.ts'
import type { LedgerRow } from './ledger-rows.ts'

export type Work = { payload: RawPayload; result: Readable | PayloadRefused }

/** A payload matched with the ledger: its own row, and the event's first row, which has event_no and time. */
export type Matched<R = Understood> = {
  payload: RawPayload
  result: R | PayloadRefused
  row: LedgerRow
  first: LedgerRow
  /** For a replay, the row of the event that was understood by the same version of the map, if there is one. */
  like: LedgerRow | null
  /** The row is not yet written: this delivery takes effect. */
  fresh: boolean
  /** It has no time of its own and was received long before the last one of its company and source. */
  isLate: boolean
}
