import { setTimeout as delay } from 'node:timers/promises'
import type { DocumentReference, Firestore } from '@google-cloud/firestore'
import { alreadyExists, invalidArgument } from '#runtime/firestore/grpc-codes.ts'
import { batchCalls } from '#runtime/calls/batch-calls.ts'
import { withDeadline } from '#runtime/calls/deadline.ts'
import { hasCode, TransientError } from '#runtime/calls/retry.ts'
import { addCreation } from './add-creation.ts'
import type { Config } from './config.ts'
import type { Fields } from './document.ts'
import { createRamp } from './ramp.ts'

type NewDocument = { ref: DocumentReference; fields: Fields }

/** Documents that are created together or not at all, and their size as Firestore counts it. */
export type Creation = { documents: readonly [NewDocument, ...NewDocument[]]; bytes: number }

/** `exists`: one of them exists, so none was created. */
type Created = 'created' | 'exists' | { refused: string }

/** Creations in one commit. More make a commit slower and hardly save calls. */
const maxCommitCreations = 25

/**
 * What fits in one commit: emulators accept 4 MB, Firestore 10 MiB. On the wire a document is at most twice as large as
 * Firestore counts it, and bytes are as large as they are, so a document with one part always fits alone.
 */
const maxCommitBytes = 1024 * 1024

/** The calls to Firestore, as fast as it asks for. They reject with a TransientError during an outage. */
export function openCreations(config: Config, firestore: Firestore) {
  // An emulator has one server and needs no ramp.
  const ramp = config.FIRESTORE_EMULATOR_HOST ? () => 0 : createRamp(config.FIRESTORE_WRITES_PER_SECOND)

  /** Creations of the same time share a commit, which makes each ten times cheaper. */
  const commit = batchCalls({
    async work(creations: readonly Creation[]) {
      const batch = firestore.batch()
      for (const { documents } of creations) for (const { ref, fields } of documents) addCreation(batch, ref, fields)
      await inTime(batch.commit(), creations[0]?.documents[0].ref.path ?? '')
      return creations.map(() => undefined)
    },
    maxItems: maxCommitCreations,
    maxSize: maxCommitBytes,
    sizeOf: ({ bytes }) => bytes,
    isOfOne: (error) => hasCode(error, alreadyExists, invalidArgument),
  })

  /** The client retries a call for ten minutes. The runtime retries as well and has to know earlier. */
  function inTime<T>(call: Promise<T>, path: string): Promise<T> {
    return withDeadline(call, config.FIRESTORE_TIMEOUT_MS, () => new TransientError(`no answer for ${path}`))
  }

  return {
    async create(creation: Creation): Promise<Created> {
      for (const _write of creation.documents) {
        const early = ramp(performance.now())
        if (early > 0) await delay(early)
      }
      try {
        await commit(creation)
        return 'created'
      } catch (error) {
        const { code, message } = error as { code?: unknown; message: string }
        if (code === invalidArgument) return { refused: message }
        if (code !== alreadyExists) throw error
        return 'exists'
      }
    },

    /** The hash of the content for which a document was created; null: it does not exist. */
    async readHash(ref: DocumentReference): Promise<unknown> {
      const [there] = await inTime(firestore.getAll(ref, { fieldMask: ['content_hash'] }), ref.path)
      return there?.exists ? (there.get('content_hash') ?? 'none') : null
    },
  }
}
