import { z } from 'zod'
import { includesRole, type Role, roles } from '#runtime/changes/roles.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { type CacheOptions, createDatabaseCache } from '../http/cache.ts'
import { HttpError } from '../http/http-error.ts'
import { isoDay } from '#runtime/text/format.ts'
import { hashApiKey, readApiKey, readSourceKey } from './api-key.ts'
import type { Caller } from './token.ts'

const keyRow = z.object({
  key_id: z.number(),
  name: z.string(),
  role: z.enum(roles),
  expires_at: z.number().nullable(),
  revoked_at: z.number().nullable(),
  data_source_id: z.number().nullable(),
})

const hashRow = z.object({ hash: z.string() })

/** A valid key of the operator API. */
export type ApiKey = { keyId: number; name: string; role: Role }

/** The key in an `Authorization` header. Rejects with an HttpError unless it is valid and has `role`. */
export type CheckApiKey = (header: string | undefined, role: Role) => Promise<ApiKey>

/**
 * Whether an `Authorization` header holds a key that exists, from a list that is at most a second old: however many
 * strange keys come, they cost one query per second.
 */
export type IsKnownApiKey = (header: string | undefined) => Promise<boolean>

/** The caller by a key that sends payloads of one source. Rejects with an HttpError unless it is valid. */
export type CheckSourceKey = (key: string) => Promise<Caller>

const knownKeysLifeMs = 1000

/**
 * Looks up keys by their hash, so that the time of a lookup reveals nothing about a key. A key is cached for `keepMs`:
 * a revoked key works for up to this long, and no longer, even while Postgres is down.
 */
export function openApiKeys(
  database: Database,
  options: CacheOptions,
): { checkApiKey: CheckApiKey; checkSourceKey: CheckSourceKey; isKnownApiKey: IsKnownApiKey } {
  const cache = createDatabaseCache<z.output<typeof keyRow>>({ ...options, maxEntries: 1000, servesStale: false })
  const knownKeys = createDatabaseCache<ReadonlySet<string>>({ ...options, keepMs: knownKeysLifeMs, maxEntries: 1 })

  async function isKnownApiKey(header: string | undefined): Promise<boolean> {
    const key = header ? (readApiKey(header) ?? readSourceKey(header)) : null
    if (key === null) return false
    const known = await knownKeys.get('all', () => readHashes(database))
    return known?.has(hashApiKey(key).toString('hex')) ?? false
  }

  async function findValid(key: string): Promise<z.output<typeof keyRow>> {
    const hash = hashApiKey(key)
    const known = await cache.get(hash.toString('hex'), () => findKey(database, hash))
    if (!known) throw unauthorized('This API key is unknown.')
    if (known.revoked_at !== null) throw unauthorized('This API key is revoked.')
    if (known.expires_at !== null && known.expires_at <= Date.now()) throw unauthorized('This API key has expired.')
    return known
  }

  async function checkSourceKey(key: string): Promise<Caller> {
    const { key_id, data_source_id: sourceId } = await findValid(key)
    if (sourceId === null) throw unauthorized('This API key is unknown.')
    // Without keys of their own, the same bytes are the same payload for a day.
    return { sourceId, taskId: null, run: `key:${key_id}:${isoDay(Date.now())}`, exp: Infinity }
  }

  async function checkApiKey(header: string | undefined, role: Role): Promise<ApiKey> {
    if (!header) throw unauthorized('This route needs an API key. Send it as `Authorization: Bearer parma_…`.')
    const key = readApiKey(header)
    if (key === null && readSourceKey(header) !== null)
      throw new HttpError(
        403,
        'This key sends payloads of one data source with POST /api/v1/payloads, and nothing else.',
      )
    if (key === null) throw unauthorized('The Authorization header holds no API key. Send `Bearer parma_…`.')
    const { key_id: keyId, name, role: held } = await findValid(key)
    if (!includesRole(held, role))
      throw new HttpError(403, `This route needs an API key with the role ${role}. "${name}" has the role ${held}.`)
    return { keyId, name, role: held }
  }

  return { checkApiKey, checkSourceKey, isKnownApiKey }
}

function unauthorized(detail: string): HttpError {
  return new HttpError(401, detail, { 'www-authenticate': 'Bearer' })
}

async function readHashes(database: Database): Promise<ReadonlySet<string>> {
  const hashes = await database.anyFirst(sql.type(hashRow)`
    SELECT encode(hash, 'hex') AS hash FROM edge.api_key WHERE revoked_at IS NULL`)
  return new Set(hashes)
}

/** Also updates `last_used_at`, every five minutes at most. */
function findKey(database: Database, hash: Buffer): Promise<z.output<typeof keyRow> | null> {
  return database.maybeOne(sql.type(keyRow)`
    WITH used AS (
      UPDATE edge.api_key SET last_used_at = now()
      WHERE hash = ${sql.binary(hash)} AND revoked_at IS NULL
        AND coalesce(last_used_at < now() - interval '5 minutes', true)
    )
    SELECT key_id, name, role, expires_at, revoked_at, data_source_id FROM edge.api_key WHERE hash = ${sql.binary(hash)}`)
}
