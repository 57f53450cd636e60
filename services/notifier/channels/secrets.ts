import { z } from 'zod'
import { createCache } from '#runtime/process/cache.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { Answer } from './channel.ts'
import { type Config, findSecret, secretVariable } from '../config.ts'
import { decryptSecret } from './encrypt-secret.ts'
import { openSecretManager } from './secret-manager.ts'
import { clean, cut } from '../message/text.ts'

/** A secret, or why there is none: `isMissing` when it is in no place, else a place could not be asked. */
export type FoundSecret = { secret: string } | { problem: string; isMissing: boolean }
type NoSecret = Extract<FoundSecret, { problem: string }>
export type FindSecret = (name: string) => Promise<FoundSecret>

/** Secrets of Google's Secret Manager that are remembered. */
const maxManaged = 1000

const encryptedRow = z.object({ key_id: z.string(), nonce: z.instanceof(Buffer), ciphertext: z.instanceof(Buffer) })

/**
 * The secrets that channels name, from the first place that has one of the name: SECRETS_DIR, the environment, the
 * database (`parma secrets`), Google's Secret Manager. Never rejects. Rows of channels are not trusted (contract section
 * 17), so in each place only what is there for channels can be reached.
 */
export function openSecrets(config: Config, database: Pick<Database, 'maybeOne'>): FindSecret {
  const askManager = config.secretManager && openSecretManager(config.secretManager)
  const managed = createCache<string | null>({ maxEntries: maxManaged, lifeMs: () => config.SECRET_CACHE_MS })

  async function findStored(name: string): Promise<string | null> {
    if (!config.secretKeys) return null
    const row = await database.maybeOne(sql.type(encryptedRow)`
      SELECT key_id, nonce, ciphertext FROM notifier.secret WHERE name = ${name}`)
    return row && decryptSecret(config.secretKeys, name, row)
  }

  async function findManaged(name: string): Promise<string | null> {
    return askManager && managed.get(name, () => askManager(name))
  }

  return async (name) => {
    const shown = cut(clean(name), 100)
    if (!isSecretName(name)) return { problem: `${shown} is no name of a secret`, isMissing: true }
    try {
      const secret = findSecret(config, name) ?? (await findStored(name)) ?? (await findManaged(name))
      if (secret !== null) return { secret }
    } catch (error) {
      return {
        problem: `the secret ${shown} cannot be read: ${cut(clean((error as Error).message), 200)}`,
        isMissing: false,
      }
    }
    return {
      problem: `the secret ${shown} is not there: \`parma secrets set\` it, set ${secretVariable(shown)} or put a file of that name into SECRETS_DIR`,
      isMissing: true,
    }
  }
}

/** The answer for a message that needs a secret which there is not: it waits, and what is missing is for us to give. */
export function withoutSecret({ problem, isMissing }: NoSecret): Answer {
  return { kind: 'retry', reason: problem, ...(isMissing && { isOutage: true }) }
}

export function isSecretName(name: string): boolean {
  return /^\w[\w.-]{0,199}$/.test(name)
}
