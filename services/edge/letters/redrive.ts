import { z } from 'zod'
import { writeAudit } from '#runtime/changes/audit.ts'
import { columnsOf } from '#runtime/postgres/column.ts'
import { lock } from '#runtime/postgres/lock.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { allTopics, maxRecordBytes } from '#schemas/topics.ts'
import { fits, isFiltered, type LetterFilter, maxReplays } from './filter.ts'

/** What somebody asks for about all open dead letters that fit a filter. */
export type RedriveRequest = {
  /** Asked for again with the same id, it is the same. */
  id: string
  filter: LetterFilter
  actor: string
  reason?: string | undefined
  perSecond: number
  /** Also those that failed again after many replays. */
  force?: boolean
  /** Whoever asks works on it; null: an edge does. */
  lease: string | null
}

/** Records a second that a replay sends, beside what the services have to do anyway. */
export const replayPerSecond = 500

/** How long a process may be silent before another goes on with what it has in work. */
export const leaseSeconds = 30

const countRow = z.object({ letters: z.number(), left_alone: z.number(), newest: z.number().nullable() })
const doneRow = z.object({ redrive_id: z.string() })

/** How many open letters a replay of this filter takes, how many it leaves because they failed too often, and the newest. */
export function countFits(database: Pick<Database, 'one'>, filter: LetterFilter, force = false) {
  return database.one(sql.type(countRow)`
    SELECT count(*) FILTER (WHERE replays < ${maxReplays} OR ${force})::int AS letters,
      count(*) FILTER (WHERE NOT (replays < ${maxReplays} OR ${force}))::int AS left_alone, max(letter_no) AS newest
    FROM edge.dead_letter WHERE claimed_by IS NULL AND ${fits(filter, 'open')}`)
}

const tooLargeRow = z.object({ letters: z.number() })

/** How many of those their topics would not take: without what was left out of them, or within some bytes of the limit. */
export async function countTooLarge(
  database: Pick<Database, 'one'>,
  filter: LetterFilter,
  force = false,
): Promise<number> {
  const column = columnsOf(allTopics)
  const { letters } = await database.one(sql.type(tooLargeRow)`
    SELECT count(*)::int AS letters FROM edge.dead_letter
    WHERE claimed_by IS NULL AND (replays < ${maxReplays} OR ${force}) AND ${fits(filter, 'open')}
      AND (left_out IS NOT NULL OR bytes > (
        SELECT most FROM unnest(${column('text', ({ name }) => name)}, ${column('int8', (topic) => maxRecordBytes(topic))}) AS t (name, most)
        WHERE t.name = topic))`)
  return letters
}

/**
 * Begins to replay all open letters that fit. Each letter belongs to one redrive only: of two who ask at once, the second
 * gets what the first has left. False: it was begun before.
 */
export function beginReplay(database: Pick<Database, 'transaction'>, request: RedriveRequest): Promise<boolean> {
  const { id, filter, actor, reason, perSecond, force = false, lease } = request
  return database.transaction(async (tx) => {
    await lock(tx, 'edge.redrive')
    if (await isBegun(tx, id)) return false
    const { left_alone } = await countFits(tx, filter, force)
    const { rowCount: total } = await tx.query(sql.unsafe`
      UPDATE edge.dead_letter SET claimed_by = ${id}, redrive_id = ${id}, trouble = NULL
      WHERE claimed_by IS NULL AND (replays < ${maxReplays} OR ${force}) AND ${fits(filter, 'open')}`)
    await tx.query(sql.unsafe`
      INSERT INTO edge.redrive (redrive_id, kind, filter, actor, reason, per_second, total, left_alone, lease, lease_until,
        state, ended_at)
      VALUES (${id}, 'replay', ${JSON.stringify(filter)}::jsonb, ${actor}, ${reason ?? null}, ${perSecond}, ${total},
        ${left_alone}, ${lease}, CASE WHEN ${lease}::uuid IS NULL THEN '-infinity' ELSE now() + ${leaseSeconds} * interval '1 s' END,
        ${total === 0 ? 'done' : 'running'}, CASE WHEN ${total === 0} THEN now() END)`)
    await auditRedrive(tx, 'edge.dlq.replay', { id, filter, actor, reason, letters: total })
    return true
  })
}

/** Marks all open letters that fit as dropped, at once. Resolves with how many; those of a replay in work are left. */
export function dropLetters(
  database: Pick<Database, 'transaction'>,
  { id, filter, actor, reason }: Pick<RedriveRequest, 'id' | 'filter' | 'actor' | 'reason'>,
): Promise<number> {
  return database.transaction(async (tx) => {
    await lock(tx, 'edge.redrive')
    const begun = await isBegun(tx, id)
    if (begun) return begun.total
    const { rowCount: total } = await tx.query(sql.unsafe`
      UPDATE edge.dead_letter SET state = 'dropped', handled_at = now(), handled_by = ${actor},
        handled_why = ${reason ?? null}, redrive_id = ${id}
      WHERE claimed_by IS NULL AND ${fits(filter, 'open')}`)
    await tx.query(sql.unsafe`
      INSERT INTO edge.redrive (redrive_id, kind, filter, actor, reason, per_second, total, done, state, ended_at)
      VALUES (${id}, 'drop', ${JSON.stringify(filter)}::jsonb, ${actor}, ${reason ?? null}, 1, ${total}, ${total}, 'done', now())`)
    await auditRedrive(tx, 'edge.dlq.drop', { id, filter, actor, reason, letters: total })
    return total
  })
}

/** Opens the letters again that a drop has taken. Their records must still be on their topic. Resolves with how many. */
export function undoDrop(database: Pick<Database, 'transaction'>, id: string, actor: string): Promise<number> {
  return database.transaction(async (tx) => {
    const { rowCount: letters } = await tx.query(sql.unsafe`
      UPDATE edge.dead_letter SET state = 'open', handled_at = NULL, handled_by = NULL, handled_why = NULL
      WHERE redrive_id = ${id} AND state = 'dropped'`)
    if (letters > 0) await auditRedrive(tx, 'edge.dlq.undrop', { id, actor, letters })
    return letters
  })
}

/** Ends a replay: what it has not sent yet stays open. */
export function stopReplay(database: Pick<Database, 'transaction'>, id: string, actor: string): Promise<boolean> {
  return database.transaction(async (tx) => {
    const { rowCount } = await tx.query(sql.unsafe`
      UPDATE edge.redrive SET state = 'stopped', ended_at = now() WHERE redrive_id = ${id} AND state = 'running'`)
    if (rowCount === 0) return false
    const { rowCount: letters } = await tx.query(sql.unsafe`
      UPDATE edge.dead_letter SET claimed_by = NULL WHERE claimed_by = ${id}`)
    await auditRedrive(tx, 'edge.dlq.stop', { id, actor, letters })
    return true
  })
}

const totalRow = z.object({ total: z.number() })

function isBegun(tx: Transaction, id: string): Promise<{ total: number } | null> {
  return tx.maybeOne(sql.type(totalRow)`SELECT total FROM edge.redrive WHERE redrive_id = ${id}`)
}

async function auditRedrive(
  tx: Transaction,
  kind: string,
  {
    id,
    actor,
    reason,
    filter,
    letters,
  }: { id: string; actor: string; reason?: string | undefined; filter?: LetterFilter; letters: number },
): Promise<void> {
  const asked = filter === undefined ? {} : { filter: isFiltered(filter) ? filter : 'all' }
  await writeAudit(tx, 'edge', {
    ...{ actor, kind, subject: `redrive:${id}`, reason: reason ?? null, before: null, after: { ...asked, letters } },
  })
}

export const redriveSchema = z.object({
  redrive_id: z.string(),
  kind: z.enum(['replay', 'drop']),
  filter: z.record(z.string(), z.unknown()),
  actor: z.string(),
  reason: z.string().nullable(),
  asked_at: z.iso.datetime(),
  ended_at: z.iso.datetime().nullable(),
  total: z.int(),
  left_alone: z.int().describe('Letters that fit and had failed too often.'),
  done: z.int(),
  failed: z.int().describe('Letters that could not be sent. They stay open and say why.'),
  came_back: z.int().describe('Letters whose service could not process them this time either.'),
  state: z.enum(['running', 'stopped', 'done']),
})
export type Redrive = z.output<typeof redriveSchema>

const redriveRow = redriveSchema.extend({ asked_at: z.number(), ended_at: z.number().nullable() })

/** How far a redrive is; null: there is none with this id. */
export async function readRedrive(database: Database, id: string): Promise<Redrive | null> {
  const [found] = await readSome(database, sql.fragment`redrive_id = ${id}`)
  return found ?? null
}

/** The newest redrives. */
export function listRedrives(database: Database): Promise<Redrive[]> {
  return readSome(database, sql.fragment`true`)
}

async function readSome(database: Database, condition: ReturnType<typeof fits>): Promise<Redrive[]> {
  const rows = await database.any(sql.type(redriveRow)`
    SELECT redrive_id, kind, filter, actor, reason, asked_at, ended_at, total, left_alone, done, failed, state,
      (SELECT count(*)::int FROM edge.dead_letter a JOIN edge.dead_letter b ON b.came_by = a.replay_id
        WHERE a.redrive_id = r.redrive_id AND r.kind = 'replay') AS came_back
    FROM edge.redrive r WHERE ${condition} ORDER BY r.asked_at DESC LIMIT 10`)
  const iso = (at: number) => new Date(at).toISOString()
  return rows.map((row) => ({
    ...row,
    asked_at: iso(row.asked_at),
    ended_at: row.ended_at === null ? null : iso(row.ended_at),
  }))
}

/** Replays that nobody works on, or whoever has this lease. */
export function findWaiting(database: Database, lease: string): Promise<readonly { redrive_id: string }[]> {
  return database.any(sql.type(doneRow)`
    SELECT redrive_id FROM edge.redrive WHERE state = 'running' AND (lease_until < now() OR lease = ${lease}) ORDER BY asked_at LIMIT 10`)
}
