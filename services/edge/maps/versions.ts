import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { lock } from '#runtime/postgres/lock.ts'
import type { NormalizationMap } from '#schemas/generated/types.ts'
import { idOf } from '../publish/identify.ts'

const versionRow = z.object({
  version: z.number(),
  content: z.string(),
  content_hash: z.string(),
  received_at: z.number(),
})

/** A stored version of a source's map. */
export type MapVersion = z.output<typeof versionRow>

/** Who brought a version, how and why. `sameAs`: the earlier version whose map it is. */
export type Brought = {
  origin: 'handshake' | 'activate' | 'rollback'
  actor: string
  reason?: string | null
  sameAs?: number | null
}

/** Holds up whoever else brings a map of the source, until the transaction ends. */
export function lockMaps(tx: Transaction, sourceId: number): Promise<void> {
  return lock(tx, 'edge.normalization_map', sourceId)
}

type Content = Pick<MapVersion, 'content' | 'content_hash'>

/** Whether two maps are the same, in whatever order their objects list their members. */
export function isSame(one: Content, other: Content): boolean {
  return one.content_hash === other.content_hash || isSameMap(one.content, other.content)
}

const newestRow = versionRow.extend({ origin: z.string(), is_published: z.boolean(), is_recent: z.boolean() })

/** The version of a source with the highest number, in force or not. */
export function readNewest(
  tx: Pick<Transaction, 'maybeOne'>,
  sourceId: number,
): Promise<z.output<typeof newestRow> | null> {
  return tx.maybeOne(sql.type(newestRow)`
    SELECT version, content, content_hash, received_at, origin, published_at IS NOT NULL AS is_published,
      received_at > now() - interval '1 minute' AS is_recent
    FROM edge.normalization_map WHERE data_source_id = ${sourceId} ORDER BY version DESC LIMIT 1`)
}

export function insertVersion(
  tx: Transaction,
  sourceId: number,
  { version, content, content_hash }: Omit<MapVersion, 'received_at'>,
  { origin, actor, reason = null, sameAs = null }: Brought,
): Promise<MapVersion> {
  return tx.one(sql.type(versionRow)`
    INSERT INTO edge.normalization_map (data_source_id, version, content_hash, content, origin, actor, reason, same_as)
    VALUES (${sourceId}, ${version}, ${content_hash}, ${content}, ${origin}, ${actor}, ${reason}, ${sameAs})
    RETURNING version, content, content_hash, received_at`)
}

function isSameMap(one: string, other: string): boolean {
  return isDeepStrictEqual(JSON.parse(one), JSON.parse(other))
}

/** Records that a version is durable in Kafka. */
export async function markPublished(database: Database, sourceId: number, version: number): Promise<void> {
  await database.query(sql.unsafe`
    UPDATE edge.normalization_map SET published_at = now()
    WHERE data_source_id = ${sourceId} AND version = ${version} AND published_at IS NULL`)
}

type Key = { data_source_id: number; version: number }

/** The key of a version's record. */
export function keyOf({ data_source_id, version }: Key): string {
  return `${data_source_id}/${version}`
}

/** The value of a version's record: the same whenever it is published. */
export function mapEvent(map: Omit<NormalizationMap, 'event_id'>): NormalizationMap {
  return { ...map, event_id: idOf('normalization-map', map.data_source_id, map.version, map.content_hash) }
}

const storedRow = versionRow.extend({ data_source_id: z.number(), source_name: z.string() })

/** A stored version with its content. */
export function readMap(database: Database, { data_source_id, version }: Key): Promise<z.output<typeof storedRow>> {
  return database.one(sql.type(storedRow)`
    SELECT m.data_source_id, s.source_name, m.version, m.content, m.content_hash, m.received_at
    FROM edge.normalization_map m JOIN public.data_source s ON s.id = m.data_source_id
    WHERE m.data_source_id = ${data_source_id} AND m.version = ${version}`)
}
