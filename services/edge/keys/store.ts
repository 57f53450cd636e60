import { z } from 'zod'
import { RefusedError } from '#runtime/changes/apply-changes.ts'
import { writeAudit } from '#runtime/changes/audit.ts'
import { type Actor, includesRole, type Role, roles } from '#runtime/changes/roles.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { makeApiKey } from '../access/api-key.ts'

// Keys of the operator API: what commands and pages do with them.

const states = ['good', 'expired', 'revoked'] as const

const ms = z.number().nullable()
const keyRow = z.object({
  id: z.number(),
  name: z.string(),
  /** The source of which it sends payloads, and does nothing else. */
  source: z.string().nullable(),
  role: z.enum(roles),
  /** How it begins. */
  hint: z.string(),
  state: z.enum(states),
  created_at: z.number(),
  last_used_at: ms,
  expires_at: ms,
  revoked_at: ms,
  /** Browsers that are signed in with it. */
  sessions: z.number(),
})
export type Key = z.output<typeof keyRow>

/** All keys, or the one with this id: those that work first, the newest first. */
export function readKeys(database: Pick<Database, 'any'>, id: number | null = null): Promise<readonly Key[]> {
  return database.any(sql.type(keyRow)`
    SELECT key_id AS id, name, role, hint,
      CASE WHEN data_source_id IS NOT NULL THEN coalesce(
        (SELECT source_name FROM public.data_source d WHERE d.id = data_source_id), data_source_id || ' (deleted)'
      ) END AS source,
      CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired' ELSE 'good' END AS state,
      created_at, last_used_at, expires_at, revoked_at,
      (SELECT count(*)::int FROM edge.session s
        WHERE s.key_id = k.key_id AND s.ended_at IS NULL AND s.expires_at > now()) AS sessions
    FROM edge.api_key k WHERE ${id === null} OR key_id = ${id ?? 0}
    ORDER BY revoked_at IS NOT NULL, key_id DESC`)
}

/** `source`: id of the source of which it may send payloads; then it may do nothing else, and has no role. */
export type NewKey = { name: string; expiresAt: number | null } & ({ role: Role } | { source: number })

const idRow = z.object({ key_id: z.number() })
const sourceRow = z.object({ id: z.number() })
const longestName = 200

/** Makes a key, with its audit row. Only what it returns has the key itself. Rejects with a RefusedError. */
export async function createKey(tx: Transaction, asked: NewKey, actor: Actor): Promise<{ id: number; key: string }> {
  const { name: given, expiresAt } = asked
  const [role, source] = 'source' in asked ? (['viewer', asked.source] as const) : ([asked.role, null] as const)
  const name = given.trim()
  if (name === '' || name.includes('\0')) throw new RefusedError('A key needs a name: say who or what uses it.')
  if (name.length > longestName)
    throw new RefusedError(`The name has ${name.length} characters: give one of ${longestName} at most.`)
  requireRole(actor, source === null ? role : 'operator', 'makes')
  if (source !== null) await requireSource(tx, source)
  const { key, hash, hint } = makeApiKey(source !== null)
  const expires_at = expiresAt === null ? null : new Date(expiresAt).toISOString()
  const id = await tx.maybeOneFirst(sql.type(idRow)`
    INSERT INTO edge.api_key (hash, hint, name, role, expires_at, data_source_id)
    VALUES (${sql.binary(hash)}, ${hint}, ${name}, ${role}, ${expires_at}, ${source})
    ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING
    RETURNING key_id`)
  if (id === null)
    throw new RefusedError(`A key called ${JSON.stringify(name)} already exists. Revoke it or choose another name.`)
  const after = { name, ...(source === null ? { role } : { source }), expires_at }
  await writeAudit(tx, 'edge', { ...audited(actor, 'create', id), before: null, after })
  return { id, key }
}

async function requireSource(tx: Transaction, source: number): Promise<void> {
  const found = await tx.maybeOne(sql.type(sourceRow)`SELECT id FROM public.data_source WHERE id = ${source}`)
  if (found === null) throw new RefusedError(`There is no data source ${source}. The page of sources lists all.`)
}

/** Revokes a key for good, with its audit row. Rejects with a RefusedError when it is no longer there to revoke. */
export async function revokeKey(tx: Transaction, id: number, actor: Actor): Promise<void> {
  await tx.query(sql.unsafe`SELECT FROM edge.api_key WHERE key_id = ${id} FOR UPDATE`)
  const [found] = await readKeys(tx, id)
  if (found === undefined) throw new RefusedError(`There is no key ${id}.`)
  if (found.state === 'revoked') throw new RefusedError(`Key ${id} is already revoked.`)
  requireRole(actor, found.role, 'revokes')
  await tx.query(sql.unsafe`UPDATE edge.api_key SET revoked_at = now() WHERE key_id = ${id}`)
  const before = {
    key: id,
    name: found.name,
    ...(found.source === null ? { role: found.role } : { source: found.source }),
  }
  await writeAudit(tx, 'edge', { ...audited(actor, 'revoke', id), before, after: null })
}

const audited = (actor: Actor, verb: 'create' | 'revoke', id: number) => ({
  ...{ actor: actor.name, kind: `edge.key.${verb}`, subject: `key:${id}` },
})

/** Who makes a key can use it, so nobody makes one that may do more than they may. */
function requireRole(actor: Actor, role: Role, does: 'makes' | 'revokes'): void {
  if (includesRole(actor.role, role)) return
  throw new RefusedError(
    `Only an administrator ${does} a key with the role ${role}. You have the role ${actor.role}: ask one.`,
  )
}
