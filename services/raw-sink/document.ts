import { countJsonValues } from '#runtime/text/count-json-values.ts'
import type { Redacted } from '#runtime/erase/redact.ts'
import { isStorableTime, isUuid } from '#schemas/field-checks.ts'
import type { NormalizationMap, RawPayload } from '#schemas/generated/types.ts'
import { encodeObject, type LegalMap, sizeOfMap, sizeOfScalar, sizeOfText } from './encode.ts'
import { isObject, parseJson } from './parse.ts'

export type Fields = Record<string, LegalMap | string | number | boolean | null | Date | Uint8Array>

/**
 * A document that is written once. `bytes`: its approximate size as Firestore counts it. `parts`: the documents of its
 * subcollection `parts`, named 1, 2 and so on, which are written with it or before it.
 */
export type StoredDocument = { path: string; contentHash: string; fields: Fields; bytes: number; parts: Fields[] }

// https://firebase.google.com/docs/firestore/quotas#collections_documents_and_fields
const maxDocumentBytes = 1024 * 1024
const maxPartBytes = 1_000_000
/**
 * JSON values of a body that become fields. They are counted before anything is parsed, because memory goes by values,
 * not by bytes. A document of `maxDocumentBytes` holds fewer.
 */
const maxValues = 200_000
/** Room for differences between Firestore's count of a document's size and ours. */
const reserveBytes = 2048

/**
 * The document of a raw payload, `parma/mining/datasource/{source_name}/raw_data/{event_id}`:
 *
 * | field | what |
 * |---|---|
 * | mining_trigger, status, company_id | `""`, `"success"`, the company id as text: parma-web reads these |
 * | data | `raw_data` of the body in its legal Firestore form (encode.ts), for people and parma-web's export |
 * | data_truncated | whether `data` was cut to fit the document |
 * | data_error | why `data` is empty although the body is not, or null |
 * | body_parts | the request body, byte for byte, is in the field `bytes` of `parts/1` to `parts/{body_parts}` |
 * | body_bytes, content_hash | length and sha256 (lower-case hex) of the body |
 * | event_id, data_source_id, task_id, map_version | as on the topic |
 * | received_at, observed_at | when the edge received it, when the module observed it (null: the module did not say) |
 * | redacted | true where texts were erased from the body; `content_hash` is then of the body as received |
 * | history | whether it was observed more than 24 h before it was received: then nobody is notified |
 *
 * The export takes whole documents but none of their subcollections, so the bytes cost it nothing. Lineage and re-drive
 * read the bytes, never `data`. All fields but `data` are always the same for one payload. Documents of earlier versions
 * have the body in the field `body` where it fitted, and `body_parts` is 0 (move-bodies.ts).
 */
export function payloadDocument(payload: RawPayload & Redacted, dataError: string | null = null): StoredDocument {
  const { event_id, source_name, body, content_hash } = payload
  const path = `parma/mining/datasource/${source_name}/raw_data/${event_id}`
  const known: Fields = {
    mining_trigger: '',
    status: 'success',
    company_id: payload.company_id,
    event_id,
    content_hash,
    body_bytes: body.length,
    history: payload.history,
    data_source_id: payload.data_source_id,
    task_id: payload.task_id,
    map_version: payload.map_version,
    received_at: new Date(payload.received_at),
    observed_at: payload.observed_at === null ? null : new Date(payload.observed_at),
  }
  const room = maxDocumentBytes - reserveBytes - sizeOfText(path) - sizeOfFields(known)
  const { data, bytes, whole, error } = dataError === null ? readData(body, room) : { ...nothing, error: dataError }
  const parts = splitBody(body).map((part) => ({ bytes: part, content_hash }))
  return {
    path,
    contentHash: content_hash,
    fields: {
      ...known,
      data,
      data_truncated: !whole,
      data_error: error,
      body_parts: parts.length,
      ...(payload.redacted && { redacted: true }),
    },
    bytes: maxDocumentBytes - room + bytes,
    parts,
  }
}

/**
 * The document of a normalization map, `parma/mining/datasource/{source_name}/normalization_schema/{event_id}`.
 * `schema` is the map in its legal Firestore form (encode.ts); `schema_truncated` says whether it was cut to fit the
 * document.
 */
export function mapDocument(map: NormalizationMap): StoredDocument {
  const { event_id, source_name, content, content_hash, version, data_source_id } = map
  const path = `parma/mining/datasource/${source_name}/normalization_schema/${event_id}`
  const known: Fields = { event_id, content_hash, version, data_source_id, received_at: new Date(map.received_at) }
  const room = maxDocumentBytes - reserveBytes - sizeOfText(path) - sizeOfFields(known)
  const { data, bytes, whole, error } = readObject(() => parseBytes(Buffer.from(content)), room)
  return {
    path,
    contentHash: content_hash,
    bytes: maxDocumentBytes - room + bytes,
    fields: { ...known, schema: data, schema_truncated: !whole, schema_error: error },
    parts: [],
  }
}

/** Why this event cannot have a document; null when it can. The edge accepts none of these. */
export function findFault({ event_id, source_name, ...times }: Located): string | null {
  if (!isUuid(event_id)) return `event_id "${event_id}" is not a uuid`
  if (!/^(?!__.*__$)[a-z0-9_-]{1,200}$/.test(source_name))
    return `source_name "${source_name.slice(0, 200)}" cannot name a collection: use up to 200 characters of a-z, 0-9, _ and -`
  const wrong = [times.received_at, times.observed_at ?? 0].find((ms) => !isStorableTime(ms))
  return wrong === undefined ? null : `${wrong} ms is not a time between the years 1 and 9999`
}

type Located = { event_id: string; source_name: string; received_at: number; observed_at?: number | null }

const nothing = { data: {}, bytes: sizeOfMap, whole: true }

function readData(body: Uint8Array, room: number) {
  return readObject(() => {
    const root = parseBytes(body)
    return isObject(root) ? root.raw_data : root
  }, room)
}

function parseBytes(body: Uint8Array): ReturnType<typeof parseJson> {
  const values = countJsonValues(body)
  if (values > maxValues) throw new RangeError(`${values} JSON values, and at most ${maxValues} become fields`)
  return parseJson(new TextDecoder('utf-8', { fatal: true }).decode(body))
}

function readObject(read: () => ReturnType<typeof parseJson> | undefined, room: number) {
  try {
    const value = read()
    if (isObject(value)) return { ...encodeObject(value, room), error: null }
    return { ...nothing, error: 'there is no object to show' }
  } catch (error) {
    // Malformed UTF-8, malformed JSON, too many values, or nesting that exhausts the stack. The bytes are kept anyway.
    return { ...nothing, error: (error as Error).message.slice(0, 300).toWellFormed() }
  }
}

/** At least one part, also of an empty body. */
function splitBody(body: Uint8Array): Uint8Array[] {
  const count = Math.max(1, Math.ceil(body.length / maxPartBytes))
  return Array.from({ length: count }, (_, index) => body.subarray(index * maxPartBytes, (index + 1) * maxPartBytes))
}

function sizeOfFields(fields: Fields): number {
  const sizes = Object.entries(fields).map(
    ([name, value]) => sizeOfText(name) + (typeof value === 'string' ? sizeOfText(value) : sizeOfScalar),
  )
  return sizes.reduce((sum, size) => sum + size, sizeOfMap)
}
