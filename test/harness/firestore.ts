import { randomBytes } from 'node:crypto'
import { Firestore } from 'firebase-admin/firestore'
import { onCleanup } from './cleanup.ts'
import { stackEnv } from './stack.ts'

export type TestFirestore = {
  /** Goes into FIRESTORE_PROJECT. */
  project: string
  client: Firestore
}

/** Firestore under a project of its own, which nothing else has written to. */
export function openFirestore(): TestFirestore {
  // The client takes an emulator from the environment only.
  process.env.FIRESTORE_EMULATOR_HOST = stackEnv().FIRESTORE_EMULATOR_HOST
  process.env.METADATA_SERVER_DETECTION = 'none'
  const project = `test-${randomBytes(6).toString('hex')}`
  const client = new Firestore({ projectId: project })
  onCleanup(() => client.terminate())
  return { project, client }
}
