import type { Firestore } from '@google-cloud/firestore'
import { z } from 'zod'
import type { FirestoreAccess } from '#runtime/firestore/settings.ts'
import { withDeadline } from '#runtime/calls/deadline.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { LookupFailure, Stored } from './event-status.ts'

/** The raw document of an event, among those of these sources; null: it does not exist yet. Never rejects. */
export type FindDocument = (eventId: string, sourceNames: readonly string[]) => Promise<Stored | null | LookupFailure>

const time = z.custom<{ toMillis(): number }>(
  (value) => typeof (value as { toMillis?: unknown })?.toMillis === 'function',
)
const document = z.object({
  data_source_id: z.number(),
  company_id: z.string(),
  received_at: time,
  data_truncated: z.boolean(),
  data_error: z.string().nullable(),
})

/**
 * Looks up raw documents where raw-sink stores them (services/raw-sink/document.ts). Only the name of the source in
 * their path is unknown, so one call asks for all names. The client is loaded with the first lookup: it takes a second
 * and 60 MB, which an edge that only accepts payloads does not need.
 */
export function openRawDocuments(
  access: FirestoreAccess | null,
  timeoutMs: number,
  { log, scope }: Pick<ServiceContext, 'log' | 'scope'>,
): FindDocument {
  let client: Promise<Firestore> | undefined

  async function connect(to: FirestoreAccess): Promise<Firestore> {
    const { openFirestore } = await import('#runtime/firestore/firestore.ts')
    const firestore = openFirestore(to)
    scope.defer(() => firestore.terminate())
    return firestore
  }

  async function find(firestore: Firestore, eventId: string, sourceNames: readonly string[]): Promise<Stored | null> {
    const refs = sourceNames.map((name) => firestore.doc(`parma/mining/datasource/${name}/raw_data/${eventId}`))
    const found = await firestore.getAll(...refs, { fieldMask: Object.keys(document.shape) })
    const [there] = found.filter(({ exists }) => exists)
    if (!there?.createTime) return null
    const { received_at, data_truncated, data_error, ...fields } = document.parse(there.data())
    return {
      ...fields,
      received_at: received_at.toMillis(),
      at: there.createTime.toMillis(),
      truncated: data_truncated,
      error: data_error,
    }
  }

  return async (eventId, sourceNames) => {
    if (!access) return 'not-asked'
    if (sourceNames.length === 0) return null
    const late = () => new Error(`Firestore did not answer within ${timeoutMs} ms`)
    try {
      // Loading the client is not part of the deadline: it takes the same time whether Firestore answers or not.
      const firestore = await (client ??= connect(access))
      return await withDeadline(find(firestore, eventId, sourceNames), timeoutMs, late)
    } catch (error) {
      log.warn({ error, event_id: eventId }, 'raw_document_lookup_failed')
      return 'no-answer'
    }
  }
}
