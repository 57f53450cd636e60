import type { DocumentReference } from '@google-cloud/firestore'
import { openFirestore } from '#runtime/firestore/firestore.ts'
import { withDeadline } from '#runtime/calls/deadline.ts'
import { TransientError } from '#runtime/calls/retry.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { Config } from './config.ts'
import { type Creation, openCreations } from './creations.ts'
import type { StoredDocument } from './document.ts'

/** `repeated`: the document existed with the same content. `conflict`: it existed with other content, which stays. */
type Written =
  { kind: 'created' | 'repeated' } | { kind: 'conflict'; path: string } | { kind: 'refused'; message: string }

/**
 * Writes a document once, with its part or after its parts: a document that exists is complete. Rejects with a
 * TransientError during an outage.
 */
export type Store = (document: StoredDocument) => Promise<Written>

/** Opens Firestore or its emulator until the service stops. The service is ready only while Firestore answers. */
export function openStore(config: Config, { scope, health }: ServiceContext): Store {
  const firestore = openFirestore(config.firestore)
  scope.defer(() => firestore.terminate())
  let probe: Promise<unknown> | null = null
  health.dependency('firestore', async () => {
    // A call that is never answered must not speak for those after it.
    const late = () => new TransientError(`no answer within ${config.FIRESTORE_TIMEOUT_MS} ms`)
    probe ??= withDeadline(firestore.doc('parma/mining').get(), config.FIRESTORE_TIMEOUT_MS, late).finally(
      () => (probe = null),
    )
    await probe
  })
  const { create, readHash } = openCreations(config, firestore)

  return async ({ path, contentHash, fields, bytes, parts }) => {
    const ref = firestore.doc(path)
    const parent: Creation = { documents: [{ ref, fields }], bytes }
    const children = parts.map((part, index): Creation => ({
      documents: [{ ref: ref.collection('parts').doc(String(index + 1)), fields: part }],
      bytes: (part.bytes as Uint8Array).length,
    }))
    if (children.length <= 1) {
      const written = await create({
        documents: [...parent.documents, ...children.flatMap(({ documents }) => documents)],
        bytes: children.reduce((sum, child) => sum + child.bytes, bytes),
      })
      if (written !== 'exists') return resultOf(written)
      // A part may exist without its document: a process died before it wrote that.
      const there = await compare(ref, contentHash)
      if (there !== null) return there
    }
    for (const child of children) {
      const written = await createAlone(child, contentHash)
      if (written.kind === 'conflict' || written.kind === 'refused') return written
    }
    return createAlone(parent, contentHash)
  }

  /** Creates one document, unless it exists with this content. */
  async function createAlone(creation: Creation, contentHash: string): Promise<Written> {
    const written = await create(creation)
    if (written !== 'exists') return resultOf(written)
    const [{ ref }] = creation.documents
    const there = await compare(ref, contentHash)
    // The retry writes it.
    if (there === null) throw new TransientError(`${ref.path} existed and was deleted`)
    return there
  }

  /** Null: the document does not exist. */
  async function compare(ref: DocumentReference, contentHash: string): Promise<Written | null> {
    const hash = await readHash(ref)
    if (hash === null) return null
    return hash === contentHash ? { kind: 'repeated' } : { kind: 'conflict', path: ref.path }
  }
}

function resultOf(written: 'created' | { refused: string }): Written {
  return written === 'created' ? { kind: 'created' } : { kind: 'refused', message: written.refused }
}
