import { setTimeout as delay } from 'node:timers/promises'
import type { DocumentReference } from '@google-cloud/firestore'
import { openFirestore } from '#runtime/firestore/firestore.ts'
import { alreadyExists, invalidArgument } from '#runtime/firestore/grpc-codes.ts'
import { batchCalls } from '#runtime/calls/batch-calls.ts'
import { withDeadline } from '#runtime/calls/deadline.ts'
import { hasCode, TransientError } from '#runtime/calls/retry.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { Config } from './config.ts'
import type { Fields, StoredDocument } from './document.ts'
import { createRamp } from './ramp.ts'

/** `repeated`: the document existed with the same content. `conflict`: it existed with other content, which stays. */
type Written =
  { kind: 'created' | 'repeated' } | { kind: 'conflict'; path: string } | { kind: 'refused'; message: string }

/**
 * Writes a document once, its parts first: a document that exists is complete. Rejects with a TransientError during an
 * outage. Documents that are written at the same time share a commit, which makes each ten times cheaper.
 */
export type Store = (document: StoredDocument) => Promise<Written>

/** Documents in one commit. More make a commit slower and hardly save calls. */
const maxCommitDocuments = 25

/** Emulators accept 4 MB, Firestore 10 MiB. On the wire a document is at most twice as large as Firestore counts it. */
const maxCommitBytes = 1024 * 1024

/** Opens Firestore or its emulator until the service stops. The service is ready only while Firestore answers. */
export function openStore(config: Config, { scope, health }: ServiceContext): Store {
  const firestore = openFirestore(config.firestore)
  scope.defer(() => firestore.terminate())
  // An emulator has one server and needs no ramp.
  const ramp = config.FIRESTORE_EMULATOR_HOST ? () => 0 : createRamp(config.FIRESTORE_WRITES_PER_SECOND)
  let probe: Promise<unknown> | null = null
  health.ready('firestore', async () => {
    probe ??= firestore
      .doc('parma/mining')
      .get()
      .finally(() => (probe = null))
    await probe
  })

  type Creation = { ref: DocumentReference; fields: Fields; bytes: number }
  const commit = batchCalls({
    async work(creations: readonly Creation[]) {
      const batch = firestore.batch()
      for (const { ref, fields } of creations) batch.create(ref, fields)
      return inTime(batch.commit(), creations[0]?.ref.path ?? '')
    },
    maxItems: maxCommitDocuments,
    maxSize: maxCommitBytes,
    sizeOf: ({ bytes }) => bytes,
    isOfOne: (error) => hasCode(error, alreadyExists, invalidArgument),
  })

  return async ({ path, contentHash, fields, bytes, parts }) => {
    const parent = firestore.doc(path)
    for (const [index, part] of parts.entries()) {
      const ref = parent.collection('parts').doc(String(index + 1))
      const written = await create({ ref, fields: part, bytes: maxCommitBytes }, contentHash)
      if (written.kind === 'conflict' || written.kind === 'refused') return written
    }
    return create({ ref: parent, fields, bytes }, contentHash)
  }

  async function create(creation: Creation, contentHash: string): Promise<Written> {
    const { ref } = creation
    const early = ramp(Date.now())
    if (early > 0) await delay(early)
    try {
      await commit(creation)
      return { kind: 'created' }
    } catch (error) {
      const { code, message } = error as { code?: unknown; message: string }
      if (code === invalidArgument) return { kind: 'refused', message }
      if (code !== alreadyExists) throw error
    }
    const [there] = await inTime(firestore.getAll(ref, { fieldMask: ['content_hash'] }), ref.path)
    // Deleted in between: the retry writes it.
    if (!there?.exists) throw new TransientError(`${ref.path} existed and was deleted`)
    return there.get('content_hash') === contentHash ? { kind: 'repeated' } : { kind: 'conflict', path: ref.path }
  }

  /** The client retries a call for ten minutes. The runtime retries as well and has to know earlier. */
  function inTime<T>(call: Promise<T>, path: string): Promise<T> {
    return withDeadline(call, config.FIRESTORE_TIMEOUT_MS, () => new TransientError(`no answer for ${path}`))
  }
}
