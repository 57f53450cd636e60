import type { DocumentSnapshot, Firestore, Timestamp } from '@google-cloud/firestore'
import type { RawPayload } from '#schemas/generated/types.ts'
import { hashOf } from './raw-documents.ts'

/** A raw document that cannot be read back as the payload it was made from. The message says why. */
export class UnreadableDocument extends Error {
  constructor(path: string, why: string) {
    super(`${path}: ${why}`)
    this.name = 'UnreadableDocument'
  }
}

/**
 * The payload whose raw document is at `path` (document.ts), with its body byte for byte as the edge received it and
 * without a replay mark. Rejects with an UnreadableDocument when the document is gone or its bytes are not those that
 * were stored.
 */
export async function readPayload(firestore: Firestore, path: string): Promise<RawPayload> {
  const document = await firestore.doc(path).get()
  if (!document.exists) throw new UnreadableDocument(path, 'the document does not exist')
  const body = await readBody(firestore, document)
  const get = <T>(name: string) => document.get(name) as T
  const content_hash = get<string>('content_hash')
  if (hashOf(body) !== content_hash) throw new UnreadableDocument(path, 'the body is not the one that was stored')
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

async function readBody(firestore: Firestore, document: DocumentSnapshot): Promise<Buffer> {
  const count = document.get('body_parts') as number
  // Earlier versions kept a body that fitted in the document itself.
  if (count === 0) return document.get('body') as Buffer
  const parts = document.ref.collection('parts')
  const read = await firestore.getAll(...Array.from({ length: count }, (_, index) => parts.doc(String(index + 1))))
  const missing = read.find(({ exists }) => !exists)
  if (missing) throw new UnreadableDocument(document.ref.path, `part ${missing.id} of the body is missing`)
  return Buffer.concat(read.map((part) => part.get('bytes') as Buffer))
}
