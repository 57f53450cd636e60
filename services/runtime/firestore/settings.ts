import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { ConfigError, type Env, secret } from '../process/config.ts'

/** What a service reads that uses Firestore. */
export const firestoreSettings = {
  FIRESTORE_PROJECT: z
    .string()
    .optional()
    .describe('Google Cloud project of the Firestore with the raw documents. Unset: the service account’s project.')
    .meta({ basic: true }),
  FIRESTORE_EMULATOR_HOST: z
    .string()
    .optional()
    .describe(
      'Firestore emulator as host:port, instead of the real Firestore. Google’s client reads this variable itself, so it has no _FILE.',
    ),
  METADATA_SERVER_DETECTION: z
    .string()
    .optional()
    .describe(
      '`none` keeps Google’s client from looking for a metadata server at each start. Google’s client reads this variable itself.',
    ),
  FIREBASE_ADMINSDK_CERTIFICATE: secret()
    .optional()
    .describe(
      'Service account for Firestore: the JSON text that Google issues. Without it and without FIRESTORE_EMULATOR_HOST, raw-sink does not start and the edge cannot show raw documents. Unset: read from .secrets/la-famiglia-parma-ai-firebase-adminsdk.json if that file exists.',
    )
    .meta({ basic: true }),
}
type FirestoreSettings = z.output<z.ZodObject<typeof firestoreSettings>>

const serviceAccount = z.object({
  client_email: z.string(),
  private_key: z.string(),
  project_id: z.string().optional(),
})
export type ServiceAccount = z.output<typeof serviceAccount>

/** Where Firestore is, and as whom to ask it: `account` is null where an emulator asks for none. */
export type FirestoreAccess = { project: string; account: ServiceAccount | null }

const name = 'FIREBASE_ADMINSDK_CERTIFICATE'
/** Where the predecessor looked for the service account when the variable was not set (contract section 7). */
const accountFile = 'la-famiglia-parma-ai-firebase-adminsdk.json'
export const secretsDir = resolve(import.meta.dirname, '../../../.secrets')

/** `env`, with the predecessor's file of the service account where it is there and nothing else is given. */
export function withAccountFile(env: Env, secrets: string): Env {
  const file = join(secrets, accountFile)
  const isGiven = env[name] || env[`${name}_FILE`] || env.FIRESTORE_EMULATOR_HOST
  return !isGiven && existsSync(file) ? { ...env, [`${name}_FILE`]: file } : env
}

/** What the settings say of Firestore; null: nothing. Throws a ConfigError when it is only half of what is needed. */
export function readFirestoreAccess(config: FirestoreSettings): FirestoreAccess | null {
  const { FIRESTORE_EMULATOR_HOST: emulator, FIREBASE_ADMINSDK_CERTIFICATE: certificate } = config
  if (!emulator && certificate === undefined) return null
  const account = emulator ? null : readAccount(certificate as string)
  const project = config.FIRESTORE_PROJECT ?? account?.project_id
  if (project === undefined)
    throw new ConfigError([`FIRESTORE_PROJECT is missing${account ? `, and ${name} has no project_id` : ''}.`])
  return { project, account }
}

function readAccount(text: string): ServiceAccount {
  try {
    return serviceAccount.parse(JSON.parse(text))
  } catch {
    throw new ConfigError([`${name} is not the JSON text of a service account (with client_email and private_key).`])
  }
}
