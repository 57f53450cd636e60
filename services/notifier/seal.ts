import type { Database } from '#runtime/postgres.ts'
import { classify } from '#runtime/retry.ts'
import type { ServiceContext } from '#runtime/service.ts'
import { startLoop } from '#runtime/loop.ts'
import { assignNews } from './assign-news.ts'
import { assignOps } from './assign-ops.ts'
import { composeDue } from './compose-due.ts'
import type { Config } from './config.ts'
import { putOffBundles, putOffGroup } from './put-off.ts'

/** Turns what is due into deliveries, and calls `wakeDelivery` when there are new ones. Returns how to wake it. */
export function startSealing(
  database: Database,
  config: Config,
  context: ServiceContext,
  wakeDelivery: () => void,
): () => void {
  const { log } = context

  /** What is due, in one transaction; where that fails, one by one, and the one at fault is put off. */
  async function work(
    limit: number,
    take: (limit: number) => Promise<number>,
    putOff: (reason: string) => Promise<unknown>,
  ): Promise<number> {
    try {
      return await take(limit)
    } catch (error) {
      if (classify(error) === 'transient') throw error
      log.error({ error }, 'sealing_one_by_one')
    }
    let done = 0
    for (let n = 0; n < limit; n++)
      try {
        const taken = await take(1)
        if (taken === 0) break
        done += taken
      } catch (error) {
        if (classify(error) === 'transient') throw error
        log.error({ error }, 'sealing_put_off')
        await putOff(String(error))
      }
    return done
  }

  const wake = startLoop('seal', config.POLL_MS, context, async () => {
    const assigned = await work(
      config.ASSIGN_BATCH,
      (limit) => assignNews(database, config, limit),
      (reason) => putOffGroup(database, reason),
    )
    const events = await assignOps(database, config)
    const letters = await work(
      config.COMPOSE_BATCH,
      (limit) => composeDue(database, config, limit),
      (reason) => putOffBundles(database, reason),
    )
    if (letters > 0) wakeDelivery()
    if (assigned + events + letters > 0) wake()
  })
  return wake
}
