import { hash } from 'node:crypto'
import { v5 as uuidv5 } from 'uuid'

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
