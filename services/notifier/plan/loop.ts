import type { Database } from '#runtime/postgres/database.ts'
import { classify } from '#runtime/process/retry.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import { startLoop } from '#runtime/process/loop.ts'
import { assignNews } from './assign-news.ts'
import { assignOps } from './assign-ops.ts'
import { composeDue } from './make-messages.ts'
import type { Config } from '../config.ts'
import { bundles, groups, opsEvents, type PutOff } from './postpone.ts'

/** More operational events are assigned in the next transaction. */
const maxEvents = 1000

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
    { first, putOff }: PutOff,
  ): Promise<number> {
    try {
      return await take(limit)
    } catch (error) {
      if (classify(error) === 'transient') throw error
      log.error({ error }, 'sealing_one_by_one')
    }
    let done = 0
    for (let n = 0; n < limit; n++) {
      const id = await first(database)
      try {
        const taken = await take(1)
        if (taken === 0) break
        done += taken
      } catch (error) {
        if (classify(error) === 'transient') throw error
        log.error({ error }, 'sealing_put_off')
        if (id !== null) await putOff(database, id, String(error))
      }
    }
    return done
  }

  const wake = startLoop('seal', config.POLL_MS, context, async () => {
    const assigned = await work(config.ASSIGN_BATCH, (limit) => assignNews(database, config, limit), groups)
    const events = await work(maxEvents, (limit) => assignOps(database, config, limit), opsEvents)
    const letters = await work(config.COMPOSE_BATCH, (limit) => composeDue(database, config, limit), bundles)
    if (letters > 0) wakeDelivery()
    if (assigned + events + letters > 0) wake()
  })
  return wake
}
