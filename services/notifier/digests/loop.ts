import type { Database } from '#runtime/postgres/database.ts'
import { pruneBatch } from '#runtime/postgres/prune-ledger.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import { hourMs } from '#runtime/text/time.ts'
import { firstPage, makeDigests } from './make.ts'
import { noteDigestSettings } from './noted-settings.ts'
import { lookBackDays } from './policies.ts'
import { startStoringReports } from './reports.ts'
import type { DigestSettings } from './settings.ts'
import { pruneItems } from './store.ts'

/**
 * Makes digests when they are due, calls `wakeDelivery` when it has made some, and stores their results. Returns the
 * function that wakes it.
 */
export function startDigests(
  config: DigestSettings,
  context: ServiceContext,
  database: Database,
  wakeDelivery: () => void,
): () => void {
  const { log } = context
  let areNoted = false
  const wake = startLoop('digests', config.DIGEST_POLL_MS, context, async () => {
    if (!areNoted) await noteDigestSettings(config, database)
    areNoted = true
    const page = { after: firstPage, limit: config.DIGEST_BATCH }
    const made = await makeDigests(config, log, database, { selection: { which: 'due' }, page, ifBusy: 'return' })
    if (made.length === 0) return
    log.info({ digests: made.length }, 'digests_made')
    wakeDelivery()
    wake()
  })
  const wakePruning = startLoop('prune_digests', hourMs, context, async () => {
    const pruned = await pruneItems(database, lookBackDays, pruneBatch)
    if (pruned === pruneBatch) wakePruning()
  })
  startStoringReports(config, context, database)
  return wake
}
