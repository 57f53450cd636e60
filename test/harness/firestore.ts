import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import type * as library from 'firebase-admin/firestore'
import { onCleanup } from './cleanup.ts'
import { stackEnv } from './stack.ts'

export type TestFirestore = {
  /** Goes into FIRESTORE_PROJECT. */
  project: string
  /** Connects when first used. */
  readonly client: library.Firestore
}

/** Firestore under a project of its own, which nothing else has written to. */
export function openFirestore(): TestFirestore {
  const project = `test-${randomBytes(6).toString('hex')}`
  let client: library.Firestore | undefined
  onCleanup(() => client?.terminate())
  return {
    project,
    get client() {
      return (client ??= connect(project))
    },
  }
}

/** Loads the client only here: it takes a second, which most tests need not spend. */
function connect(projectId: string): library.Firestore {
  // The client takes the address of an emulator from the environment only.
  process.env.FIRESTORE_EMULATOR_HOST = stackEnv().FIRESTORE_EMULATOR_HOST
  process.env.METADATA_SERVER_DETECTION = 'none'
  const { Firestore } = createRequire(import.meta.url)('firebase-admin/firestore') as typeof library
  return new Firestore({ projectId })
}
