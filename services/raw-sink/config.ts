import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { ConfigError, count, type Env, kafkaSettings, readEnv, secret, serviceSettings } from '#runtime/config.ts'

export const settings = {
  ...serviceSettings,
  ...kafkaSettings,
  FIRESTORE_PROJECT: z
    .string()
    .optional()
    .describe('Google Cloud project whose Firestore keeps the raw documents. Unset: that of the service account.'),
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
      'Service account for Firestore, as the JSON text Google gives out. Needed without FIRESTORE_EMULATOR_HOST. Unset: read from .secrets/la-famiglia-parma-ai-firebase-adminsdk.json where that exists.',
    ),
  FIRESTORE_CONCURRENCY: count(32).describe('Documents written at once, per partition that is being worked on.'),
  FIRESTORE_TIMEOUT_MS: count(30_000).describe(
    'How long one call may take before it counts as failed and is repeated.',
  ),
}

const serviceAccount = z.object({
  client_email: z.string(),
  private_key: z.string(),
  project_id: z.string().optional(),
})

export type ServiceAccount = z.output<typeof serviceAccount>
export type Config = ReturnType<typeof readConfig>

const name = 'FIREBASE_ADMINSDK_CERTIFICATE'
/** Where the predecessor looked for the service account when the variable was not set (contract section 7). */
const accountFile = 'la-famiglia-parma-ai-firebase-adminsdk.json'
const secretsDir = resolve(import.meta.dirname, '../../.secrets')

/** Everything raw-sink needs to know of its surroundings. `account` is null where an emulator asks for none. */
export const readConfig = (env: Env = process.env, secrets = secretsDir) => {
  const file = join(secrets, accountFile)
  const isGiven = env[name] || env[`${name}_FILE`] || env.FIRESTORE_EMULATOR_HOST
  const config = readEnv(settings, !isGiven && existsSync(file) ? { ...env, [`${name}_FILE`]: file } : env)
  const account = config.FIRESTORE_EMULATOR_HOST ? null : readAccount(config.FIREBASE_ADMINSDK_CERTIFICATE)
  const FIRESTORE_PROJECT = config.FIRESTORE_PROJECT ?? account?.project_id
  if (FIRESTORE_PROJECT === undefined)
    throw new ConfigError([`FIRESTORE_PROJECT is missing${account ? `, and ${name} has no project_id` : ''}.`])
  return { ...config, FIRESTORE_PROJECT, account }
}

function readAccount(text: string | undefined): ServiceAccount {
  if (text === undefined)
    throw new ConfigError([`Set ${name} to a service account's JSON text, or FIRESTORE_EMULATOR_HOST.`])
  try {
    return serviceAccount.parse(JSON.parse(text))
  } catch {
    throw new ConfigError([`${name} is not the JSON text of a service account (with client_email and private_key).`])
  }
}
