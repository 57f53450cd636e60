import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { ServiceContext } from '#runtime/process/service.ts'

/**
 * How long work waits at most that wakes no loop: a replay, correction or trial of a process that is gone, an event that a
 * command wrote.
 */
const pollMs = 2000

const dueRow = z.object({ replays: z.boolean(), trials: z.boolean(), events: z.boolean() })

/**
 * Asks for the due work of all loops in one statement, and wakes those that have some. The loops depend on it for their
 * haste alone: each also looks itself from time to time.
 */
export function watchDue(
  context: ServiceContext,
  database: Database,
  wake: { replay(): void; tryMaps(): void; publish(): void },
): void {
  startLoop('watch_due', pollMs, context, async () => {
    const due = await database.one(sql.type(dueRow)`
      SELECT
        EXISTS (SELECT FROM normalizer.replay WHERE state = 'running' AND (leased_until IS NULL OR leased_until < now()))
          OR EXISTS (SELECT FROM normalizer.unsent_observation) AS replays,
        EXISTS (SELECT FROM normalizer.map_trial
          WHERE state = 'running' AND (leased_until IS NULL OR leased_until < now())) AS trials,
        EXISTS (SELECT FROM normalizer.outbox WHERE published_at IS NULL) AS events`)
    if (due.replays) wake.replay()
    if (due.trials) wake.tryMaps()
    if (due.events) wake.publish()
  })
}
