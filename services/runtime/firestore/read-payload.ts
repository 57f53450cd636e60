import { createHash } from 'node:crypto'
import type { DocumentSnapshot, Firestore, Timestamp } from '@google-cloud/firestore'
import type { RawPayload } from '#schemas/generated/types.ts'

/** A raw document that cannot be read back as the payload it was made from. The message says why. */
export class UnreadableDocument extends Error {
  constructor(path: string, why: string) {
    super(`${path}: ${why}`)
    this.name = 'UnreadableDocument'
  }
}

/** All that a payload is read back from. The content as a map, which is as large as the bytes, is left out. */
const fields = [
  ...['event_id', 'received_at', 'observed_at', 'history', 'data_source_id', 'company_id', 'task_id', 'map_version'],
  ...['content_hash', 'body_parts', 'body_bytes', 'body', 'redacted'],
]

/** Bytes of bodies that are read at once. */
const bytesAtOnce = 32_000_000

/**
 * The payload whose raw document is at `path` (services/raw-sink/document.ts), with its body byte for byte as the edge
 * received it and without a replay mark. Rejects with an UnreadableDocument when the document is gone or its bytes are not
 * those that were stored.
 */
export async function readPayload(firestore: Firestore, path: string): Promise<RawPayload> {
  const [read] = await readPayloads(firestore, [path])
  if (read instanceof UnreadableDocument) throw read
  return read!
}

/**
 * The payloads whose raw documents are at `paths`, or why they cannot be read. Of large ones only the first are read: the
 * answer is at least one long.
 */
export async function readPayloads(
  firestore: Firestore,
  paths: readonly string[],
): Promise<(RawPayload | UnreadableDocument)[]> {
  if (paths.length === 0) return []
  const documents = await firestore.getAll(...paths.map((path) => firestore.doc(path)), { fieldMask: fields })
  const all = documents.map((document, index) => ({ document, path: paths[index]! }))
  let bytesSoFar = 0
  const some = all.filter(({ document }, index) => (bytesSoFar += bytesOf(document)) <= bytesAtOnce || index === 0)
  const refs = some.flatMap(({ document }) =>
    Array.from({ length: partsOf(document) }, (_, index) => document.ref.collection('parts').doc(String(index + 1))),
  )
  const bytes = refs.length === 0 ? [] : await firestore.getAll(...refs)
  return some.map(({ document, path }) => payloadOf(document, path, bytes.splice(0, partsOf(document))))
}

function partsOf(document: DocumentSnapshot): number {
  return document.exists ? (document.get('body_parts') as number) : 0
}

/** How much its parts have. */
function bytesOf(document: DocumentSnapshot): number {
  return partsOf(document) === 0 ? 0 : (document.get('body_bytes') as number)
}

function payloadOf(
  document: DocumentSnapshot,
  path: string,
  parts: readonly DocumentSnapshot[],
): RawPayload | UnreadableDocument {
  if (!document.exists) return new UnreadableDocument(path, 'the document does not exist')
  const missing = parts.find(({ exists }) => !exists)
  if (missing) return new UnreadableDocument(path, `part ${missing.id} of the body is missing`)
  const get = <T>(name: string) => document.get(name) as T
  // Earlier versions kept a body that fitted in the document itself.
  const body =
    parts.length === 0 ? get<Buffer>('body') : Buffer.concat(parts.map((part) => part.get('bytes') as Buffer))
  const content_hash = get<string>('content_hash')
  // What was erased cannot be compared any more.
  if (get<boolean>('redacted') !== true && hashOf(body) !== content_hash)
    return new UnreadableDocument(path, 'the body is not the one that was stored')
  return {
    event_id: get('event_id'),
    received_at: get<Timestamp>('received_at').toMillis(),
    observed_at: get<Timestamp | null>('observed_at')?.toMillis() ?? null,
    history: get('history'),
    data_source_id: get('data_source_id'),
    source_name: document.ref.parent.parent?.id ?? '',
    company_id: get('company_id'),
    task_id: get('task_id'),
    map_version: get('map_version'),
    body,
    content_hash,
    replay: null,
  }
}

/** What a document has as `content_hash`. */
export function hashOf(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex')
}
