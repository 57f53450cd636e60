import type { Database } from '#runtime/postgres.ts'
import type { ServiceContext } from '#runtime/service.ts'
import type { Config } from './config.ts'
import { startLoop } from '#runtime/loop.ts'
import { sealGroups } from './seal-news.ts'
import { sealOps } from './seal-ops.ts'

/** Turns what is due into deliveries, and calls `wakeDelivery` when there are new ones. Returns how to wake it. */
export function startSealing(
  database: Database,
  config: Config,
  context: ServiceContext,
  wakeDelivery: () => void,
): () => void {
  const wake = startLoop('seal', config.POLL_MS, context, async () => {
    const groups = await sealGroups(database, config)
    const events = await sealOps(database, config)
    if (groups + events > 0) wakeDelivery()
    if (groups === config.SEAL_BATCH) wake()
  })
  return wake
}
