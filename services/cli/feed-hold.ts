import { z } from 'zod'
import { UsageError } from '#runtime/commands/commands.ts'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { isoTime } from '#runtime/commands/command-database.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'

/**
 * Asks every edge to let modules wait instead of sending what they feed, and returns the id of this hold. Edges look every
 * second. The hold ends by itself after `ms`, should nobody end it. A UsageError while there is another one.
 */
export async function beginHold(database: Database, ms: number, reason: string): Promise<string> {
  const begun = await database.transaction(async (tx) => {
    const holdId = await tx.maybeOneFirst(sql.type(z.object({ hold_id: z.string() }))`
      INSERT INTO cli.feed_hold AS hold (until, reason) VALUES (now() + ${ms} * interval '1 ms', ${reason})
      ON CONFLICT (only_one) DO UPDATE SET until = excluded.until, reason = excluded.reason,
        hold_id = excluded.hold_id, begun_at = excluded.begun_at
      WHERE hold.until <= now()
      RETURNING hold_id`)
    if (holdId !== null) await auditCommand(tx, 'cli', { ...held('begin', holdId), after: { ms, reason } })
    return holdId
  })
  if (begun !== null) return begun
  const until = await database.maybeOneFirst(sql.type(z.object({ until: z.string() }))`
    SELECT ${isoTime(sql.fragment`until`)} AS until FROM cli.feed_hold`)
  throw new UsageError(`Edges let modules wait for another command until ${until ?? 'a moment ago'}. Try again then.`)
}

/** Edges send again within a second. Another hold is not touched. */
export async function endHold(database: Database, holdId: string): Promise<void> {
  await database.transaction(async (tx) => {
    const { rowCount } = await tx.query(sql.unsafe`DELETE FROM cli.feed_hold WHERE hold_id = ${holdId}`)
    if (rowCount > 0) await auditCommand(tx, 'cli', { ...held('end', holdId), before: { held: true } })
  })
}

const held = (did: 'begin' | 'end', holdId: string) => ({ kind: `cli.feed-hold.${did}`, subject: `hold:${holdId}` })

const edgeRow = z.object({
  name: z.string(),
  /** Null: it has not said yet that it sends nothing any more. */
  state: z.enum(['waiting', 'gave-way']).nullable(),
  reason: z.string().nullable(),
})

/** What an edge does about a hold. */
export type EdgeState = z.output<typeof edgeRow>

/** Three missed signs of life: the edge has ended, or does not reach Postgres. */
const goneAfterMs = 30_000

/** All edges that run, as far as Postgres has heard of them lately. */
export async function readEdges(database: Database, holdId: string): Promise<readonly EdgeState[]> {
  return database.any(sql.type(edgeRow)`
    SELECT name, CASE WHEN hold_id = ${holdId} THEN hold_state END AS state, reason FROM edge.process
    WHERE seen_at > now() - ${goneAfterMs} * interval '1 ms' ORDER BY name`)
}
