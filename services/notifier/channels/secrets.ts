import { z } from 'zod'
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

const encryptedRow = z.object({ key_id: z.string(), nonce: z.instanceof(Buffer), ciphertext: z.instanceof(Buffer) })

/**
 * The secrets that channels name, from the first place that has one of the name: SECRETS_DIR, the environment, the
 * database (`parma secrets`), Google's Secret Manager. Never rejects. Rows of channels are not trusted (contract section
 * 17), so in each place only what is there for channels can be reached.
 */
export function openSecrets(config: Config, database: Pick<Database, 'maybeOne'>): FindSecret {
  const manager = config.secretManager && rememberFor(config.SECRET_CACHE_MS, openSecretManager(config.secretManager))

  async function findStored(name: string): Promise<string | null> {
    if (!config.secretKeys) return null
    const row = await database.maybeOne(sql.type(encryptedRow)`
      SELECT key_id, nonce, ciphertext FROM notifier.secret WHERE name = ${name}`)
    return row && decryptSecret(config.secretKeys, name, row)
  }

  return async (name) => {
    const shown = cut(clean(name), 100)
    if (!isSecretName(name)) return { problem: `${shown} is no name of a secret`, isMissing: true }
    try {
      const secret = findSecret(config, name) ?? (await findStored(name)) ?? (await manager?.(name)) ?? null
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

/** Asks once in `ms` for each name, and again after a failure. */
function rememberFor(
  ms: number,
  find: (name: string) => Promise<string | null>,
): (name: string) => Promise<string | null> {
  const known = new Map<string, { until: number; found: Promise<string | null> }>()
  return (name) => {
    const now = Date.now()
    const before = known.get(name)
    if (before && before.until > now) return before.found
    for (const [old, { until }] of known) if (until <= now) known.delete(old)
    const found = find(name)
    known.set(name, { until: now + ms, found })
    found.catch(() => known.delete(name))
    return found
  }
}
