import type { ReportedIncident } from '../incidents/incidents.ts'
import type { LedgerRow } from '../ledger/ledger-rows.ts'
import type { ValueRow } from './values.ts'

/** A payload or replay with the values it brought, as they are stored. */
export type StoredPayload = { event_no: number; row: LedgerRow; values: readonly ValueRow[] }

/** What stands in Postgres for a payload, and what it was the first to show; or that its id belongs to other content. */
export type Written = 'conflict' | { stored: StoredPayload; incidents: ReportedIncident[]; fresh: boolean }
