import { setTimeout as delay } from 'node:timers/promises'
import type { DocumentReference } from 'firebase-admin/firestore'
import { openFirestore } from '#runtime/firestore/firestore.ts'
import { alreadyExists, invalidArgument } from '#runtime/firestore/grpc-codes.ts'
import { batchCalls } from '#runtime/process/batch-calls.ts'
import { withDeadline } from '#runtime/process/deadline.ts'
import { hasCode, TransientError } from '#runtime/process/retry.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { Config } from './config.ts'
import type { Fields, StoredDocument } from './document.ts'
import { createRamp } from './ramp.ts'

/** `repeated`: it was there with the same content. `conflict`: with other content, which stays. */
export type Written =
  { kind: 'created' | 'repeated' } | { kind: 'conflict'; path: string } | { kind: 'refused'; message: string }

/**
 * Writes a document once, its parts before it: a document that is there is complete. Outages are TransientErrors. Those
 * that are asked for at the same time travel in one commit, which costs a tenth of a commit for each.
 */
export type Store = (document: StoredDocument) => Promise<Written>

/** Documents that travel in one commit: more make a commit slower and save no calls worth mentioning. */
const maxCommitDocuments = 25

/** The emulators take 4 MB, Firestore 10 MiB; as it travels a document is at most twice as large as it counts. */
const maxCommitBytes = 1024 * 1024

/** Firestore, or its emulator, for as long as the service runs. Readiness follows it. */
export function openStore(config: Config, { scope, health }: ServiceContext): Store {
  const firestore = openFirestore(config.firestore)
  scope.defer(() => firestore.terminate())
  // An emulator has one server.
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
    // Deleted in between: once more from the start.
    if (!there?.exists) throw new TransientError(`${ref.path} was there and is gone`)
    return there.get('content_hash') === contentHash ? { kind: 'repeated' } : { kind: 'conflict', path: ref.path }
  }

  /** The client repeats calls for ten minutes by itself; the runtime, which does the same, has to know earlier. */
  function inTime<T>(call: Promise<T>, path: string): Promise<T> {
    return withDeadline(call, config.FIRESTORE_TIMEOUT_MS, () => new TransientError(`no answer for ${path}`))
  }
}
