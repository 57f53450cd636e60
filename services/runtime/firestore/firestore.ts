import { Firestore } from '@google-cloud/firestore'
import type { FirestoreAccess } from './settings.ts'

/** A client of Firestore, or of its emulator. It connects with the first call. */
export function openFirestore({ project, account }: FirestoreAccess): Firestore {
  return new Firestore({
    projectId: project,
    // Without it the client looks for credentials on the network, even where the emulator asks for none.
    universeDomain: 'googleapis.com',
    // While calls are under way. Without it the client goes on to use a connection whose other end has vanished without a
    // word, for as long as the system's TCP does (a quarter of an hour).
    'grpc.keepalive_time_ms': 15_000,
    'grpc.keepalive_timeout_ms': 5000,
    ...(account && { credentials: account }),
  })
}
