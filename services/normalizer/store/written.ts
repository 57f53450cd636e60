import type { LedgerRow } from '../ledger/ledger-rows.ts'
import type { ValueRow } from './values.ts'

/** A payload or replay with the values it brought, as stored. `hasReplaced`: others have been there before it. */
export type StoredPayload = {
  event_no: number
  row: LedgerRow
  values: readonly ValueRow[]
  hasReplaced?: boolean
}

/** What is stored for a payload, and whether this delivery stored it; or its id is known with other content. */
export type Written = 'conflict' | { stored: StoredPayload; fresh: boolean }
