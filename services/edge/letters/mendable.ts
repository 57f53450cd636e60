import { canonicalCompanyId, findTimeFault, isHistory, wrongTime } from '#runtime/read/payload-rules.ts'
import { readIso } from '#runtime/text/iso-time.ts'
import { topics } from '#schemas/topics.ts'
import type { RawPayload } from '#schemas/generated/types.ts'
import { idOf, sha256 } from '../publish/identify.ts'
import type { Letter } from './read-letters.ts'

/** Why a mended record must not be sent, for whoever mends it. */
export class MendError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'MendError'
  }
}

/** Forms of pages are small. A larger payload is sent again as a module would. */
const maxCharacters = 40_000

const never: Record<string, string> = {
  [topics.observations.name]:
    'an observation is what the normalizer has stored. Change the map and replay the payload from raw.',
  [topics.news.name]: 'a news item says what the analyzer has stored. Replay it, or rejudge the payload.',
  [topics.normalizationMaps.name]:
    'a map is kept as its module sent it. Correct the map of the module and do the handshake again.',
  [topics.changes.name]: 'it says what somebody asked for. Ask for the change again.',
  [topics.opsEvents.name]: 'it says what a service has reported. It can be replayed or dropped.',
}

/** Why a dead letter cannot be mended, as the end of a sentence; null: it can, if its record can be read. */
export function whyNotMend({
  topic,
  service,
  left_out,
}: Pick<Letter, 'topic' | 'service' | 'left_out'>): string | null {
  if (left_out !== null) return 'its value was left out, because its topic does not take it.'
  if (topic === topics.rawPayloads.name && service !== 'normalizer')
    return 'other services may have understood this payload already. Send the right one as a new payload.'
  return never[topic] ?? null
}

/** A value as it is edited: of a payload the body, of others their fields without the id. Throws a MendError. */
export function editableText(topic: string, value: unknown): string {
  const text =
    topic === topics.rawPayloads.name
      ? readBody(value as RawPayload)
      : JSON.stringify(withoutId(value as Record<string, unknown>), null, 2)
  if (text.length > maxCharacters)
    throw new MendError(`it has ${text.length} characters. Send the right payload with POST /api/v1/payloads.`)
  return text
}

function withoutId({ event_id: _, ...fields }: Record<string, unknown>) {
  return fields
}

function readBody({ body }: RawPayload): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw new MendError('its body is not text in UTF-8.')
  }
}

/**
 * The record that is sent in place of a letter's: with an id of its own, made of the letter and the content, so that the
 * same correction is the same event however often it is sent. Throws a MendError.
 */
export function mendValue(
  { id, topic }: Pick<Letter, 'id' | 'topic'>,
  value: Record<string, unknown>,
  edited: string,
  now: number,
): { value: Record<string, unknown>; key: string | null; headers: Record<string, string> } {
  const event_id = idOf('mended', id, sha256(edited))
  if (topic !== topics.rawPayloads.name) {
    const fields = parse(edited)
    return { value: { ...fields, event_id }, key: null, headers: {} }
  }
  const payload = value as RawPayload
  const { company_id, source_name, raw_data, observed_at: given = null } = parse(edited)
  if (typeof company_id !== 'string' || company_id.length > 100) throw new MendError('company_id must be a text.')
  if (source_name !== payload.source_name) throw new MendError(`source_name must be ${payload.source_name}.`)
  if (typeof raw_data !== 'object' || raw_data === null || Array.isArray(raw_data))
    throw new MendError('raw_data must be an object.')
  const observed_at = typeof given === 'string' ? readIso(given) : null
  const fault = given === null ? null : observed_at === null ? wrongTime : findTimeFault(observed_at, now)
  if (fault !== null) throw new MendError(`observed_at: ${fault}.`)
  const body = Buffer.from(edited)
  const company = canonicalCompanyId(company_id)
  return {
    value: {
      ...payload,
      ...{ event_id, company_id: company, observed_at, history: isHistory(payload.received_at, observed_at) },
      // Without the task: its run has counted the payload when it came. By the newest map.
      ...{ body, content_hash: sha256(body), task_id: null, map_version: null, replay: null },
    },
    key: company,
    headers: observed_at === null ? {} : { observed_at: String(observed_at) },
  }
}

function parse(text: string): Record<string, unknown> {
  try {
    const value = JSON.parse(text) as unknown
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch (error) {
    throw new MendError(`it is not JSON: ${(error as Error).message}.`)
  }
  throw new MendError('it must be an object.')
}
