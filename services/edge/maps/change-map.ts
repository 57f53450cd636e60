import { z } from 'zod'
import { writeAudit } from '#runtime/changes/audit.ts'
import { completeMap } from '#runtime/module/complete-map.ts'
import { listEntries } from '#runtime/module/list-entries.ts'
import { InitializeError } from '#runtime/module/read-initialize.ts'
import { readMapText } from '#runtime/module/read-map-text.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import type { NormalizationMap } from '#schemas/generated/types.ts'
import { sha256 } from '../publish/identify.ts'
import { listMaps, type MapContent, readMapContent } from './read-maps.ts'
import { type Brought, insertVersion, isSame, lockMaps, mapEvent, markPublished, readNewest } from './versions.ts'

/**
 * Why a map is not brought into force, for whoever asked. `conflict`: somebody else was first, or what was looked at is
 * old; `missing`: there is no such source or version; `invalid`: the map itself.
 */
export class MapRefused extends Error {
  readonly kind: 'conflict' | 'missing' | 'invalid'
  constructor(kind: MapRefused['kind'], message: string) {
    super(message)
    this.name = 'MapRefused'
    this.kind = kind
  }
}

/** `publish` resolves when the record is durable. */
export type MapDeps = { database: Database; publish(map: NormalizationMap): Promise<void> }

/** Who wants it, and why. */
export type MapBy = { actor: string; reason?: string | null }

/** The version that is in force now, and the one that was. */
export type Activated = { version: number; before: number | null }

/** `inForce`: the version that was in force when its asker looked; null: none was. */
type Looked = { inForce: number | null }

/** Brings a map into force as a new version, given as a text: a map, or a module's answer to /initialize. */
export function activateMap(
  deps: MapDeps,
  sourceId: number,
  { text, inForce }: Looked & { text: string },
  { actor, reason = null }: MapBy,
): Promise<Activated> {
  return bringIntoForce(deps, sourceId, inForce, async (tx, source, current) => {
    const content = await prepareMap(tx, { id: sourceId, name: source }, text)
    if (current && isSame(current, { content, content_hash: sha256(content) }))
      throw new MapRefused('conflict', `This map is in force already, as version ${current.version}.`)
    return { content, brought: { origin: 'activate', actor, reason } }
  })
}

/**
 * Brings an earlier map into force again, as a new version: that of version `to`, or without it that of the version before
 * the one in force. Rolled back twice, it goes back by two.
 */
export function rollBackMap(
  deps: MapDeps,
  sourceId: number,
  { to, inForce }: Looked & { to: number | null },
  { actor, reason = null }: MapBy,
): Promise<Activated> {
  return bringIntoForce(deps, sourceId, inForce, async (tx, source, current) => {
    if (!current) throw new MapRefused('missing', `${source} has no map in force.`)
    const version = to ?? (await versionBefore(tx, sourceId, current))
    const earlier = version === null ? null : await readMapContent(tx, sourceId, version)
    if (!earlier || earlier.published_at === null)
      throw new MapRefused(
        'missing',
        version === null
          ? `${source} had no other map before version ${current.version}.`
          : `${source} has no version ${version} that was in force.`,
      )
    if (isSame(current, earlier))
      throw new MapRefused(
        'conflict',
        `The map of version ${version} is in force already, as version ${current.version}.`,
      )
    const { content } = earlier
    return { content, brought: { origin: 'rollback', actor, reason, sameAs: earlier.same_as ?? earlier.version } }
  })
}

/** The version to which a rollback leads; null: there is none. */
export async function versionBefore(
  tx: Pick<Database, 'any'>,
  sourceId: number,
  current: Pick<MapContent, 'version' | 'same_as'>,
): Promise<number | null> {
  const from = current.same_as ?? current.version
  const all = await listMaps(tx, sourceId)
  const before = all.find(({ version, published_at }) => version < from && published_at !== null)
  return before ? (before.same_as ?? before.version) : null
}

/** Checks a map that somebody gives for a source, and gives each entry its measurement. A MapRefused if it is none. */
async function prepareMap(tx: Transaction, source: { id: number; name: string }, text: string): Promise<string> {
  const content = await completeMap(tx, source.id, readMapOf(source.name, text))
  const ids = listEntries(content).flatMap(({ id }) => (id === null ? [] : [id]))
  const known = await tx.anyFirst(sql.type(z.object({ id: z.number() }))`
    SELECT id FROM public.source_measurement
    WHERE source_module_id = ${source.id} AND id = ANY(${sql.array(ids, 'int8')})`)
  const foreign = listEntries(content).filter(({ id }) => id !== null && !known.includes(id))
  const [first] = foreign
  if (first)
    throw new MapRefused(
      'invalid',
      `${first.path} has the source_measurement_id ${first.id}, and ${source.name} has no such measurement${foreign.length > 1 ? ` (of ${foreign.length} such entries)` : ''}. Leave the id away: the measurement of its name is found or registered.`,
    )
  return content
}

/** A map that somebody gives for the source with this name, as JSON text. Throws a MapRefused if it is none. */
export function readMapOf(name: string, text: string): string {
  try {
    const { source, content } = readMapText(text)
    if (source === name) return content
    throw new MapRefused('invalid', `This is a map of ${source.slice(0, 200)}, and the source is called ${name}.`)
  } catch (error) {
    if (!(error instanceof InitializeError)) throw error
    throw new MapRefused('invalid', `This is no map: ${error.message.slice(0, 500)}.`)
  }
}

type Prepare = (
  tx: Transaction,
  source: string,
  current: MapContent | null,
  /** The number of the new version. */
  version: number,
) => Promise<{ content: string; brought: Brought; kind?: string }>

/**
 * Stores what `prepare` makes as the next version, with its audit row, and publishes it: then it is in force, and payloads
 * that are accepted from then on name it. Those that were accepted before name the version of their time and are
 * understood by it, whenever they are processed.
 */
export async function bringIntoForce(
  { database, publish }: MapDeps,
  sourceId: number,
  inForce: number | null,
  prepare: Prepare,
): Promise<Activated> {
  const { stored, source, before } = await database.transaction(async (tx) => {
    await lockMaps(tx, sourceId)
    const source = await readSourceName(tx, sourceId)
    const newest = await readNewest(tx, sourceId)
    const current = await readMapContent(tx, sourceId, null)
    // The other one has stored its version and waits for Kafka.
    if (newest && !newest.is_published && newest.is_recent)
      throw new MapRefused(
        'conflict',
        `Version ${newest.version} of the map of ${source} is being activated. Look again.`,
      )
    requireLooked(current, inForce)
    const version = (newest?.version ?? 0) + 1
    const { content, brought, kind } = await prepare(tx, source, current, version)
    const content_hash = sha256(content)
    const stored = await insertVersion(tx, sourceId, { version, content, content_hash }, brought)
    const { actor, origin, reason = null, sameAs = null } = brought
    await writeAudit(tx, 'edge', {
      ...{ actor, kind: kind ?? `edge.map.${origin}`, subject: `source:${sourceId}`, reason },
      before: { version: current?.version ?? null },
      after: { version, ...(sameAs !== null && { same_as: sameAs }) },
    })
    return { stored, source, before: current?.version ?? null }
  })
  await publish(mapEvent({ ...stored, data_source_id: sourceId, source_name: source }))
  await markPublished(database, sourceId, stored.version)
  return { version: stored.version, before }
}

function requireLooked(current: MapContent | null, inForce: number | null): void {
  if ((current?.version ?? null) === inForce) return
  const seen = inForce === null ? 'no version' : `version ${inForce}`
  const now = current ? `version ${current.version} is, by ${current.actor ?? 'a handshake'}` : 'none is'
  throw new MapRefused('conflict', `When you looked, ${seen} was in force; now ${now}. Look at the difference again.`)
}

const nameRow = z.object({ source_name: z.string() })

/** The name of a source. A MapRefused if it does not exist. */
export async function readSourceName(connection: Pick<Database, 'maybeOne'>, sourceId: number): Promise<string> {
  const found = await connection.maybeOne(sql.type(nameRow)`
    SELECT source_name FROM public.data_source WHERE id = ${sourceId}`)
  if (!found) throw new MapRefused('missing', `Data source ${sourceId} does not exist. It may have been deleted.`)
  return found.source_name
}
