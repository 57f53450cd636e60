import { z } from 'zod'
import { secret } from '../process/config.ts'
import type { Env } from '../process/legacy-env.ts'
import {
  projectOf,
  readAccount,
  serviceAccount,
  type ServiceAccount,
  withAccountFile,
} from '../process/service-account.ts'

/** What a service reads that uses Firestore. */
export const firestoreSettings = {
  FIRESTORE_PROJECT: z
    .string()
    .optional()
    .describe(
      'Google Cloud project of the Firestore with the raw documents. Unset: the service account’s project. Without FIREBASE_ADMINSDK_CERTIFICATE it must be set: services then ask as whom they run (application default credentials, such as workload identity).',
    )
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
      'Service account for Firestore: the JSON text that Google issues. Without it, FIRESTORE_PROJECT and FIRESTORE_EMULATOR_HOST, raw-sink does not start and the edge cannot show raw documents. Unset: read from .secrets/la-famiglia-parma-ai-firebase-adminsdk.json if that file exists.',
    )
    .meta({ basic: true }),
}
type FirestoreSettings = z.output<z.ZodObject<typeof firestoreSettings>>

/**
 * Where Firestore is, and as whom to ask it. `account` is null where an emulator asks for none, and where Google's client
 * finds out as whom the process runs (application default credentials).
 */
export type FirestoreAccess = { project: string; account: ServiceAccount | null }

const certificateName = 'FIREBASE_ADMINSDK_CERTIFICATE'

/**
 * `env`, with the predecessor's file of the service account if it exists and nothing else is given (contract section
 * 7).
 */
export function withFirestoreAccount(env: Env, secrets: string): Env {
  if (env.FIRESTORE_EMULATOR_HOST) return env
  return withAccountFile(env, certificateName, secrets, 'la-famiglia-parma-ai-firebase-adminsdk.json')
}

/** What the settings say of Firestore; null: nothing. Throws a ConfigError when it is only half of what is needed. */
export function readFirestoreAccess(config: FirestoreSettings): FirestoreAccess | null {
  const { FIRESTORE_EMULATOR_HOST: emulator, FIREBASE_ADMINSDK_CERTIFICATE: certificate } = config
  if (!emulator && certificate === undefined && config.FIRESTORE_PROJECT === undefined) return null
  const account =
    emulator || certificate === undefined ? null : readAccount(serviceAccount, certificateName, certificate as string)
  const names = { project: 'FIRESTORE_PROJECT', account: certificateName }
  return { project: projectOf(config.FIRESTORE_PROJECT, account, names), account }
}
