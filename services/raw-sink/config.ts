import { ConfigError, count, readEnv } from '#runtime/process/config.ts'
import type { Env } from '#runtime/process/legacy-env.ts'
import { pipelineSettings } from '#runtime/process/settings.ts'
import { firestoreSettings, readFirestoreAccess, withFirestoreAccount } from '#runtime/firestore/settings.ts'
import { secretsDir } from '#runtime/process/service-account.ts'

export const settings = {
  ...pipelineSettings,
  ...firestoreSettings,
  FIRESTORE_WRITES_PER_SECOND: count(500).describe(
    'Documents a process writes per second at first: two for a payload, because its bytes are one of their own. The rate grows by half every five minutes of traffic.',
  ),
  FIRESTORE_TIMEOUT_MS: count(30_000).describe('Deadline of one call to Firestore. A call that exceeds it is retried.'),
}

export type Config = ReturnType<typeof readConfig>

/** The settings, checked, with the access to Firestore. Throws a ConfigError that names everything that is wrong. */
export const readConfig = (env: Env = process.env, secrets = secretsDir) => {
  const config = readEnv(settings, withFirestoreAccount(env, secrets))
  const firestore = readFirestoreAccess(config)
  if (!firestore)
    throw new ConfigError([
      "Set FIREBASE_ADMINSDK_CERTIFICATE to a service account's JSON text, FIRESTORE_PROJECT to ask as whom this process runs, or FIRESTORE_EMULATOR_HOST.",
    ])
  return { ...config, firestore }
}
