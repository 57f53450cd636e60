import { z } from 'zod'
import { writeAudit } from '#runtime/changes/audit.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { settleWaiting } from './bring-map.ts'
import { type Activated, bringIntoForce, type MapBy, type MapDeps, MapRefused, readSourceName } from './change-map.ts'
import { mapLoss } from './find-losses.ts'
import { lockMaps } from './versions.ts'

const waitingRow = z.object({
  draft_id: z.number(),
  actor: z.string(),
  at: z.number(),
  content: z.string(),
  losses: z.array(mapLoss),
})

/** A map of a handshake that waits for a yes. */
export type WaitingMap = z.output<typeof waitingRow>

export function readWaiting(connection: Pick<Database, 'maybeOne'>, sourceId: number): Promise<WaitingMap | null> {
  return connection.maybeOne(sql.type(waitingRow)`
    SELECT draft_id, actor, at, content, losses FROM edge.map_draft WHERE data_source_id = ${sourceId} AND state = 'waiting'`)
}

/** Says yes to the map that waits: it comes into force as a new version. */
export function approveMap(
  deps: MapDeps,
  sourceId: number,
  inForce: number | null,
  { actor, reason = null }: MapBy,
): Promise<Activated> {
  return bringIntoForce(deps, sourceId, inForce, async (tx, source, _, version) => {
    const waiting = await readWaiting(tx, sourceId)
    if (!waiting) throw nothingWaits(source)
    await settleWaiting(tx, sourceId, { state: 'activated', actor, version })
    return { content: waiting.content, brought: { origin: 'activate', actor, reason }, kind: 'edge.map.approve' }
  })
}

/**
 * Says no to the map that waits: what is in force stays, also when the module sends the same map again. Said twice, it is
 * said once. `seen`: the map that somebody looked at; another one that waits meanwhile is not refused.
 */
export async function refuseMap(
  { database }: Pick<MapDeps, 'database'>,
  sourceId: number,
  { actor, reason = null, seen }: MapBy & { seen?: number },
): Promise<void> {
  await database.transaction(async (tx) => {
    await lockMaps(tx, sourceId)
    const source = await readSourceName(tx, sourceId)
    const waiting = await readWaiting(tx, sourceId)
    if (!waiting && (await isRefused(tx, sourceId))) return
    if (!waiting) throw nothingWaits(source)
    if (seen !== undefined && seen !== waiting.draft_id)
      throw new MapRefused('conflict', `Another map of ${source} waits by now. Look at that one.`)
    await settleWaiting(tx, sourceId, { state: 'refused', actor })
    const before = { waiting_since: new Date(waiting.at).toISOString(), losses: waiting.losses.length }
    await writeAudit(tx, 'edge', {
      actor,
      kind: 'edge.map.refuse',
      subject: `source:${sourceId}`,
      reason,
      before,
      after: null,
    })
  })
}

const stateRow = z.object({ state: z.string() })

/** Whether somebody has said no to the last map that waited. */
async function isRefused(connection: Pick<Database, 'maybeOneFirst'>, sourceId: number): Promise<boolean> {
  const state = await connection.maybeOneFirst(sql.type(stateRow)`
    SELECT state FROM edge.map_draft WHERE data_source_id = ${sourceId} AND origin = 'handshake'
    ORDER BY draft_id DESC LIMIT 1`)
  return state === 'refused'
}

function nothingWaits(source: string): MapRefused {
  return new MapRefused('conflict', `No map of ${source} waits for a yes. Somebody may have decided already.`)
}
