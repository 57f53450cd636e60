import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import type * as library from '@google-cloud/firestore'
import { onCleanup } from './cleanup.ts'
import { stackEnv } from './stack.ts'

export type TestFirestore = {
  /** The value of FIRESTORE_PROJECT. */
  project: string
  /** Connects when first used. */
  readonly client: library.Firestore
}

/** Firestore with a new project, so that it is empty. */
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

/** Loads the client only here: that takes a second, and most tests do not need it. */
function connect(projectId: string): library.Firestore {
  // The client reads the emulator's address from the environment only.
  process.env.FIRESTORE_EMULATOR_HOST = stackEnv().FIRESTORE_EMULATOR_HOST
  process.env.METADATA_SERVER_DETECTION = 'none'
  const { Firestore } = createRequire(import.meta.url)('@google-cloud/firestore') as typeof library
  return new Firestore({ projectId })
}
