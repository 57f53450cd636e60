import { z } from 'zod'
import { ConfigError, count, type Env, kafkaSettings, readEnv, secret, serviceSettings } from '#runtime/config.ts'

export const settings = {
  ...serviceSettings,
  ...kafkaSettings,
  FIRESTORE_PROJECT: z.string().describe('Google Cloud project whose Firestore keeps the raw documents.'),
  FIRESTORE_EMULATOR_HOST: z
    .string()
    .optional()
    .describe(
      'Firestore emulator, as host:port, in place of the real Firestore. The client reads it too, so it has no _FILE.',
    ),
  METADATA_SERVER_DETECTION: z
    .string()
    .optional()
    .describe(
      'Read by Google’s client: `none` where there is no Google Cloud around, or it looks for one at each start.',
    ),
  FIREBASE_ADMINSDK_CERTIFICATE: secret()
    .optional()
    .describe(
      'Service account for Firestore, as the JSON text Google gives out. Needed without FIRESTORE_EMULATOR_HOST.',
    ),
  FIRESTORE_CONCURRENCY: count(32).describe('Documents written at once, per partition that is being worked on.'),
  FIRESTORE_TIMEOUT_MS: count(30_000).describe(
    'How long one call may take before it counts as failed and is repeated.',
  ),
}

const serviceAccount = z.object({ client_email: z.string(), private_key: z.string() })

export type ServiceAccount = z.output<typeof serviceAccount>
export type Config = ReturnType<typeof readConfig>

/** Everything raw-sink needs to know of its surroundings. `account` is null where an emulator asks for none. */
export const readConfig = (env: Env = process.env) => {
  const config = readEnv(settings, env)
  return {
    ...config,
    account: config.FIRESTORE_EMULATOR_HOST ? null : readAccount(config.FIREBASE_ADMINSDK_CERTIFICATE),
  }
}

function readAccount(text: string | undefined): ServiceAccount {
  const name = 'FIREBASE_ADMINSDK_CERTIFICATE'
  if (text === undefined)
    throw new ConfigError([`Set ${name} to a service account's JSON text, or FIRESTORE_EMULATOR_HOST.`])
  try {
    return serviceAccount.parse(JSON.parse(text))
  } catch {
    throw new ConfigError([`${name} is not the JSON text of a service account (with client_email and private_key).`])
  }
}
