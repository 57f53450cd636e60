import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { createCache } from '#runtime/calls/cache.ts'
import { ConfigError, secret } from '#runtime/process/config.ts'
import type { Env } from '#runtime/process/legacy-env.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { minuteMs } from '#runtime/text/time.ts'
import { decryptSecret, parseSecretKeys, type SecretKeys } from './encrypt-secret.ts'
import { openSecretManager, type SecretManagerAccess } from './secret-manager.ts'

/** What finding secrets reads. */
export const secretSettings = {
  SECRETS_DIR: z.string().optional().describe('Folder of files named like the secrets that channels name (secret_id).'),
  SECRETS_KEYS: secret()
    .optional()
    .describe(
      'Keys of the secrets in the database, as id:key, comma separated. Each key is 32 random bytes in base64. The first encrypts, all decrypt. Unset: the database has no secrets.',
    )
    .meta({ basic: true }),
}

/** Where secrets are looked for. */
type SecretPlaces = {
  SECRETS_DIR?: string | undefined
  /** Those that begin with SECRET_. */
  secretVariables: Env
  /** Null: the database has none. */
  secretKeys: SecretKeys | null
  /** Null: Secret Manager is not asked. */
  secretManager: SecretManagerAccess | null
}

/** The keys of secrets in the database; null: it has none. Throws a ConfigError, which shows no key. */
export function readSecretKeys({ SECRETS_KEYS }: { SECRETS_KEYS?: string | undefined }): SecretKeys | null {
  if (SECRETS_KEYS === undefined) return null
  try {
    return parseSecretKeys(SECRETS_KEYS)
  } catch (error) {
    throw new ConfigError([`SECRETS_KEYS is wrong: ${(error as Error).message}.`])
  }
}

/** A secret, or why it was not found. `isMissing`: no place has it; else a place could not be read. */
export type FoundSecret = { secret: string } | { problem: string; isMissing: boolean }
export type NoSecret = Extract<FoundSecret, { problem: string }>
export type FindSecret = (name: string) => Promise<FoundSecret>

/** Secrets of Google's Secret Manager that are remembered, and for how long. */
const maxManaged = 1000
const managedMs = 5 * minuteMs

const encryptedRow = z.object({ key_id: z.string(), nonce: z.instanceof(Buffer), ciphertext: z.instanceof(Buffer) })

/**
 * Opens the places where channels' secrets are looked for, in this order: SECRETS_DIR, the environment, the database
 * (`parma secrets`), Google's Secret Manager. The returned function never rejects. Rows of channels are not trusted
 * (contract section 17), so only secrets meant for channels can be reached.
 */
export function openSecrets(places: SecretPlaces, database: Pick<Database, 'maybeOne'>): FindSecret {
  const askManager = places.secretManager && openSecretManager(places.secretManager)
  const managed = createCache<string | null>({ maxEntries: maxManaged, lifeMs: () => managedMs })

  async function findStored(name: string): Promise<string | null> {
    if (!places.secretKeys) return null
    const row = await database.maybeOne(sql.type(encryptedRow)`
      SELECT key_id, nonce, ciphertext FROM notifier.secret WHERE name = ${name}`)
    return row && decryptSecret(places.secretKeys, name, row)
  }

  async function findManaged(name: string): Promise<string | null> {
    return askManager && managed.get(name, () => askManager(name))
  }

  return async (name) => {
    const shown = excerpt(name, 100)
    if (!isSecretName(name)) return { problem: `${JSON.stringify(shown)} is not a valid secret name`, isMissing: true }
    try {
      const secret = findSecret(places, name) ?? (await findStored(name)) ?? (await findManaged(name))
      if (secret !== null) return { secret }
    } catch (error) {
      return {
        problem: `the secret ${shown} cannot be read: ${excerpt((error as Error).message, 200)}`,
        isMissing: false,
      }
    }
    return {
      problem: `there is no secret ${shown}: run \`parma secrets set ${shown}\`, set ${secretVariable(shown)}, or put a file of that name into SECRETS_DIR`,
      isMissing: true,
    }
  }
}

/** Whether channels may use this as the name of a secret. */
export function isSecretName(name: string): boolean {
  return /^\w[\w.-]{0,199}$/.test(name)
}

/**
 * The secret of a channel: the file `name` in SECRETS_DIR, else the variable `SECRET_<NAME>`. No other file or variable
 * can be reached. Null: there is none.
 */
export function findSecret(
  { SECRETS_DIR, secretVariables }: Pick<SecretPlaces, 'SECRETS_DIR' | 'secretVariables'>,
  name: string,
): string | null {
  if (!isSecretName(name)) return null
  if (SECRETS_DIR)
    try {
      return readFileSync(join(SECRETS_DIR, name), 'utf8').trim()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  return secretVariables[secretVariable(name)] ?? null
}

const variablePrefix = 'SECRET_'

/** The environment variable that holds the secret `name`: in upper case, with `_` for all but letters and digits. */
export function secretVariable(name: string): string {
  return variablePrefix + name.toUpperCase().replace(/[^A-Z0-9]/g, '_')
}

/** The variables of `env` that may hold secrets of channels. */
export function pickSecretVariables(env: Env): Env {
  return Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith(variablePrefix)))
}
