import type { RawPayload } from '#schemas/generated/types.ts'
import type { PayloadRefused, Understood } from '../understand/understand.ts'
import type { LedgerRow } from './ledger-rows.ts'

export type Work = { payload: RawPayload; result: Understood | PayloadRefused }

/** A payload in work: its own row in the ledger, and the event's first one, which gives event_no and time. */
export type Matched = {
  payload: RawPayload
  result: Understood | PayloadRefused
  row: LedgerRow
  first: LedgerRow
  /** Its row is yet to be written, and tells of this delivery. */
  fresh: boolean
}
