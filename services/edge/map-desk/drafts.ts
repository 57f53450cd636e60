import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { mapLoss } from '../maps/find-losses.ts'
import { sha256 } from '../publish/identify.ts'

const draftRow = z.object({
  draft_id: z.number(),
  origin: z.enum(['handshake', 'upload']),
  actor: z.string(),
  at: z.number(),
  content: z.string(),
  losses: z.array(mapLoss),
  state: z.enum(['draft', 'waiting', 'activated', 'refused', 'replaced']),
  settled_by: z.string().nullable(),
  version: z.number().nullable(),
})

/** A map that is not in force: one that somebody has uploaded, or one that waits for a yes. */
export type Draft = z.output<typeof draftRow>

const columns = sql.fragment`draft_id, origin, actor, at, content, losses, state, settled_by, version`

/** Keeps a map that somebody has uploaded, to be tried and activated. Returns its id. */
export function keepDraft(database: Database, sourceId: number, content: string, actor: string): Promise<number> {
  return database.oneFirst(sql.type(z.object({ draft_id: z.number() }))`
    INSERT INTO edge.map_draft (data_source_id, origin, actor, content_hash, content, state)
    VALUES (${sourceId}, 'upload', ${actor}, ${sha256(content)}, ${content}, 'draft') RETURNING draft_id`)
}

export function readDraft(database: Database, sourceId: number, draftId: number): Promise<Draft | null> {
  return database.maybeOne(sql.type(draftRow)`
    SELECT ${columns} FROM edge.map_draft WHERE data_source_id = ${sourceId} AND draft_id = ${draftId}`)
}

/** The map of a source that waits for a yes, and the last ones that people have uploaded, the newest first. */
export function listDrafts(database: Database, sourceId: number): Promise<readonly Draft[]> {
  return database.any(sql.type(draftRow)`
    SELECT ${columns} FROM edge.map_draft WHERE data_source_id = ${sourceId} AND state IN ('waiting', 'draft')
    ORDER BY state = 'waiting' DESC, draft_id DESC LIMIT 10`)
}

/** Notes which version an uploaded map has become. */
export async function settleDraft(database: Database, draftId: number, actor: string, version: number): Promise<void> {
  await database.query(sql.unsafe`
    UPDATE edge.map_draft SET state = 'activated', settled_by = ${actor}, settled_at = now(), version = ${version}
    WHERE draft_id = ${draftId} AND state = 'draft'`)
}
