import { hash } from 'node:crypto'
import { v5 as uuidv5 } from 'uuid'
import { dayMs } from '#runtime/text/time.ts'

// Never changes: ids made with it are document ids and ledger keys.
const namespace = 'a3a4c7de-5d0f-4b57-9f2c-3b0f6a1f2d61'

/** The uuid of these facts. The same facts always give the same uuid, on every machine. */
export function idOf(kind: string, ...facts: (string | number | null)[]): string {
  return uuidv5(JSON.stringify([kind, ...facts]), namespace)
}

export function sha256(content: Buffer | string): string {
  return hash('sha256', content)
}

export type PayloadFacts = {
  sourceId: number
  /** Canonical. */
  companyId: string
  /** The token's task, else its jti, else its exp. */
  run: string
  contentHash: string
  /** The caller's Idempotency-Key replaces run and content, but not source and company. */
  idempotencyKey: string | null
}

/** The event_id of a payload: the same content of the same run is the same event. */
export function payloadId({ sourceId, companyId, run, contentHash, idempotencyKey }: PayloadFacts): string {
  return idempotencyKey === null
    ? idOf('payload', sourceId, companyId, run, contentHash)
    : idOf('payload', sourceId, companyId, 'key', idempotencyKey, null)
}

/**
 * A company id as canonical decimal text: `"01"`, `" 1"` and `"+1"` are `"1"`. A text that is not a decimal integer
 * stays as it is, and the normalizer refuses the payload as `company-id`.
 */
export function canonicalCompanyId(text: string): string {
  const [, sign = '', digits] = /^\s*([+-]?)0*(\d+)\s*$/.exec(text) ?? []
  if (digits === undefined) return text
  return sign === '-' && digits !== '0' ? `-${digits}` : digits
}

/** Whether a payload is history: stored and judged, but nobody is notified. */
export function isHistory(receivedAt: number, observedAt: number | null): boolean {
  return observedAt !== null && receivedAt - observedAt > dayMs
}
