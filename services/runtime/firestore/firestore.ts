import { Firestore } from '@google-cloud/firestore'
import type { FirestoreAccess } from './settings.ts'

/** A client of Firestore, or of its emulator. It connects with the first call. */
export function openFirestore({ project, account }: FirestoreAccess): Firestore {
  return new Firestore({
    projectId: project,
    // Without it the client looks for credentials on the network, even where the emulator asks for none.
    universeDomain: 'googleapis.com',
    ...(account && { credentials: account }),
  })
}
