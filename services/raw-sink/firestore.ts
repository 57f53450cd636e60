import { Firestore } from 'firebase-admin/firestore'
import type { Config } from './config.ts'

/** A client of Firestore, or of its emulator. Connects when first used; `terminate` ends it. */
export function openFirestore({
  FIRESTORE_PROJECT,
  account,
}: Pick<Config, 'FIRESTORE_PROJECT' | 'account'>): Firestore {
  return new Firestore({
    projectId: FIRESTORE_PROJECT,
    // Without it the client looks for credentials on the network, even where the emulator asks for none.
    universeDomain: 'googleapis.com',
    ...(account && { credentials: account }),
  })
}
