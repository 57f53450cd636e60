import type { DocumentReference, WriteBatch } from '@google-cloud/firestore'
import type { Fields } from './document.ts'

/** What the client keeps in a batch until its commit, and its types do not show. */
type Opened = {
  _ops: { docPath: string; op(): object }[]
  _serializer: { encodeFields(fields: Fields): object }
}

/**
 * Has `batch` create a document, as `batch.create(ref, fields)` does. That one walks twice through all fields, for what
 * Firestore cannot store and for transforms, which took a quarter of raw-sink's CPU. Documents are made without either
 * (encode.ts), and Firestore checks them itself.
 */
export function addCreation(batch: WriteBatch, ref: DocumentReference, fields: Fields): void {
  const { _ops, _serializer } = batch as unknown as Opened
  const { formattedName } = ref as DocumentReference & { formattedName: string }
  const op = () => ({
    update: { name: formattedName, fields: _serializer.encodeFields(fields) },
    currentDocument: { exists: false },
  })
  _ops.push({ docPath: ref.path, op })
}
