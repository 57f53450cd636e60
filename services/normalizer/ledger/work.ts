import type { RawPayload } from '#schemas/generated/types.ts'
import type { PayloadRefused, Understood } from '../understand/understand.ts'
import type { LedgerRow } from './ledger-rows.ts'

export type Work = { payload: RawPayload; result: Understood | PayloadRefused }

/** A payload matched with the ledger: its own row, and the event's first row, which has event_no and time. */
export type Matched = {
  payload: RawPayload
  result: Understood | PayloadRefused
  row: LedgerRow
  first: LedgerRow
  /** The row is not yet written: this delivery takes effect. */
  fresh: boolean
}
