import { z } from 'zod'
import { writeAudit } from '#runtime/changes/audit.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import { findLosses, type MapLoss } from './find-losses.ts'
import { readMapContent } from './read-maps.ts'
import { insertVersion, isSame, lockMaps, type MapVersion, readNewest } from './versions.ts'

/** What became of the map of a handshake. */
export type BroughtMap = {
  /** The version that is in force, or will be when it is published. */
  stored: MapVersion
  /** What the map loses, where the drift policies do not say to ignore it. */
  losses: MapLoss[]
  /** `waiting`: the map waits for a yes, since now. `new`: it will be in force. `known`: the module says nothing new. */
  outcome: 'new' | 'known' | 'waiting'
  /** Whether another map waited and does so no longer. */
  endsWaiting: boolean
}

/**
 * Stores the map that a module sent in its handshake, as JSON text. It is a new version with the next number, unless it is
 * the newest one, in whatever order its objects list their members. Concurrent handshakes with the same map get the same
 * version. A module that sends what it sent last time says nothing new: what operators have activated since stays in force.
 * Where a drift policy says so, a map that would lose a measurement with history, or change its type, waits for a yes.
 */
export function bringMap(
  database: Database,
  sourceId: number,
  map: { content: string; content_hash: string },
  actor: string,
): Promise<BroughtMap> {
  return database.transaction(async (tx) => {
    await lockMaps(tx, sourceId)
    const newest = await readNewest(tx, sourceId)
    if (newest && isSame(newest, map)) {
      const endsWaiting = await settleWaiting(tx, sourceId, { state: 'replaced', actor })
      return { stored: newest, losses: [], outcome: 'known', endsWaiting }
    }
    const last = newest && (await readLastSent(tx, sourceId))
    if (newest && last && isSame(last, map)) return { stored: newest, losses: [], outcome: 'known', endsWaiting: false }
    const current = await readMapContent(tx, sourceId, null)
    const losses = current ? await findLosses(tx, sourceId, current.content, map.content) : []
    const endsWaiting = await settleWaiting(tx, sourceId, { state: 'replaced', actor })
    const told = losses.filter(({ policy }) => policy !== 'ignore')
    const audited = { actor, subject: `source:${sourceId}`, before: { version: current?.version ?? null } }
    if (current && losses.some(({ policy }) => policy === 'wait')) {
      await tx.query(sql.unsafe`
        INSERT INTO edge.map_draft (data_source_id, origin, actor, content_hash, content, losses, state)
        VALUES (${sourceId}, 'handshake', ${actor}, ${map.content_hash}, ${map.content}, ${JSON.stringify(told)}::jsonb,
          'waiting')`)
      await writeAudit(tx, 'edge', { ...audited, kind: 'edge.map.wait', after: { losses: told.length } })
      return { stored: current, losses: told, outcome: 'waiting', endsWaiting }
    }
    const version = (newest?.version ?? 0) + 1
    const stored = await insertVersion(tx, sourceId, { version, ...map }, { origin: 'handshake', actor })
    if (losses.some(({ policy }) => policy === 'pause')) await pauseSource(tx, sourceId)
    await writeAudit(tx, 'edge', { ...audited, kind: 'edge.map.handshake', after: { version } })
    return { stored, losses: told, outcome: 'new', endsWaiting }
  })
}

const contentRow = z.object({ content: z.string(), content_hash: z.string() })

/** The map that the module of a source sent last, whatever became of it. */
function readLastSent(tx: Transaction, sourceId: number) {
  return tx.maybeOne(sql.type(contentRow)`
    SELECT content, content_hash FROM (
      SELECT content, content_hash, received_at AS at FROM edge.normalization_map
      WHERE data_source_id = ${sourceId} AND origin = 'handshake'
      UNION ALL
      SELECT content, content_hash, at FROM edge.map_draft WHERE data_source_id = ${sourceId} AND origin = 'handshake'
    ) s ORDER BY at DESC LIMIT 1`)
}

/** Ends the waiting of a source's map. False: none waits. */
export async function settleWaiting(
  tx: Transaction,
  sourceId: number,
  {
    state,
    actor,
    version = null,
  }: { state: 'activated' | 'refused' | 'replaced'; actor: string; version?: number | null },
): Promise<boolean> {
  const { rowCount } = await tx.query(sql.unsafe`
    UPDATE edge.map_draft SET state = ${state}, settled_by = ${actor}, settled_at = now(), version = ${version}
    WHERE data_source_id = ${sourceId} AND state = 'waiting'`)
  return rowCount > 0
}

async function pauseSource(tx: Transaction, sourceId: number): Promise<void> {
  await tx.query(sql.unsafe`
    UPDATE public.data_source SET is_active = false, modified_at = ${utcNow} WHERE is_active AND id = ${sourceId}`)
}
