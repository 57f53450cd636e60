import {
  ConfigError,
  consumerSettings,
  count,
  type Env,
  kafkaSettings,
  producerSettings,
  readEnv,
  serviceSettings,
} from '#runtime/process/config.ts'
import { firestoreSettings, readFirestoreAccess, secretsDir, withAccountFile } from '#runtime/firestore/settings.ts'

export const settings = {
  ...serviceSettings,
  ...kafkaSettings,
  ...producerSettings,
  ...consumerSettings,
  ...firestoreSettings,
  FIRESTORE_WRITES_PER_SECOND: count(500).describe(
    'Documents a process writes in a second at first; half as many more every five minutes of traffic.',
  ),
  FIRESTORE_TIMEOUT_MS: count(30_000).describe(
    'How long one call may take before it counts as failed and is repeated.',
  ),
}

export type Config = ReturnType<typeof readConfig>

/** Everything raw-sink needs to know of its surroundings. */
export const readConfig = (env: Env = process.env, secrets = secretsDir) => {
  const config = readEnv(settings, withAccountFile(env, secrets))
  const firestore = readFirestoreAccess(config)
  if (!firestore)
    throw new ConfigError([
      "Set FIREBASE_ADMINSDK_CERTIFICATE to a service account's JSON text, or FIRESTORE_EMULATOR_HOST.",
    ])
  return { ...config, firestore }
}
