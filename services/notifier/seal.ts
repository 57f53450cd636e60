import type { Database } from '#runtime/postgres.ts'
import type { ServiceContext } from '#runtime/service.ts'
import { startLoop } from '#runtime/loop.ts'
import { assignNews } from './assign-news.ts'
import { assignOps } from './assign-ops.ts'
import { composeDue } from './compose-due.ts'
import type { Config } from './config.ts'

/** Turns what is due into deliveries, and calls `wakeDelivery` when there are new ones. Returns how to wake it. */
export function startSealing(
  database: Database,
  config: Config,
  context: ServiceContext,
  wakeDelivery: () => void,
): () => void {
  const wake = startLoop('seal', config.POLL_MS, context, async () => {
    const assigned = (await assignNews(database, config)) + (await assignOps(database, config))
    const letters = await composeDue(database, config)
    if (letters > 0) wakeDelivery()
    if (assigned + letters > 0) wake()
  })
  return wake
}
