import { z } from 'zod'
import { receivedAtHeader } from '#runtime/observe/steps.ts'
import { canonicalCompanyId, findTimeFault, isHistory, wrongTime } from '#runtime/read/payload-rules.ts'
import { iso, readIso } from '#runtime/text/iso-time.ts'
import type { RawPayload } from '#schemas/generated/types.ts'
import type { Source } from '../access/sources.ts'
import type { Caller } from '../access/token.ts'
import { invalidValue } from '../http/validation.ts'
import { payloadId, sha256 } from '../publish/identify.ts'

/** When a payload was true, as modules write it. */
export const observedAtField = z
  .string()
  .refine((value) => readIso(value) !== null, wrongTime)
  .meta({ pattern: iso.source, examples: ['2026-01-31T12:00:00Z'] })
  .nullable()
  .default(null)

const keyLength = 255

/** An Idempotency-Key. */
export const idempotencyKeyField = z.string().min(1).max(keyLength).optional()

/** The time in ms since 1970. Throws an HttpError for one before 1970 or more than 5 minutes after `now`. */
export function readObservedAt(given: string | null, now: number): number | null {
  const at = given === null ? null : readIso(given)
  const fault = at === null ? null : findTimeFault(at, now)
  if (fault !== null) throw invalidValue(['body', 'observed_at'], fault, given)
  return at
}

/** What is read of a payload that is valid. The record needs no more of it, and keeps its bytes. */
export type ReadPayload = {
  receivedAt: number
  observedAt: number | null
  /** As the module wrote it, or found by the name in its CRM. */
  companyId: string
  idempotencyKey: string | null
}

/** The record of a payload of `caller` about a company, with the headers that are its own. */
export function makeRecord(
  { receivedAt, observedAt, companyId, idempotencyKey }: ReadPayload,
  body: Buffer,
  source: Source,
  caller: Caller,
): { payload: RawPayload; headers: Record<string, string> } {
  const company_id = canonicalCompanyId(companyId)
  const content_hash = sha256(body)
  const facts = { sourceId: source.id, companyId: company_id, run: caller.run, contentHash: content_hash }
  const payload = {
    event_id: payloadId({ ...facts, idempotencyKey }),
    received_at: receivedAt,
    observed_at: observedAt,
    history: isHistory(receivedAt, observedAt),
    data_source_id: source.id,
    source_name: source.name,
    company_id,
    task_id: caller.taskId,
    body,
    content_hash,
    // The normalizer waits for exactly this version, so a payload right after the handshake finds its map. Another
    // replica may still know the version before (SOURCE_CACHE_MS). Then every delivery uses that one, as for a
    // payload just before the handshake. With null the normalizer uses the newest version that it has loaded.
    map_version: source.map_version,
    replay: null,
  }
  const headers = {
    [receivedAtHeader]: String(receivedAt),
    ...(caller.taskId !== null && { task_id: String(caller.taskId) }),
    ...(observedAt !== null && { observed_at: String(observedAt) }),
  }
  return { payload, headers }
}
