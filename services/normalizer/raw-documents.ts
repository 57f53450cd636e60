import type { Firestore } from '@google-cloud/firestore'
import type { FirestoreAccess } from '#runtime/firestore/settings.ts'

/** Why nothing can be done with raw documents where no access to them is set. */
export const noDocuments = 'The normalizer has no access to raw documents: set FIREBASE_ADMINSDK_CERTIFICATE.'

/**
 * Opens the client of Firestore when somebody first asks for it, one for the process: loading it takes a second and 60 MB.
 * `scope` ends it. Rejects where no access is set: ask for that first.
 */
export function openDocuments(access: FirestoreAccess | null, scope: AsyncDisposableStack): () => Promise<Firestore> {
  let client: Promise<Firestore> | undefined

  async function connect(): Promise<Firestore> {
    if (access === null) throw new Error(noDocuments)
    const { openFirestore } = await import('#runtime/firestore/firestore.ts')
    const firestore = openFirestore(access)
    scope.defer(() => firestore.terminate())
    return firestore
  }
  return () => (client ??= connect())
}
