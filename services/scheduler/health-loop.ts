import { startLoop } from '#runtime/process/loop.ts'
import type { Database } from '#runtime/postgres/database.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { Config } from './config.ts'
import { judgeRuns } from './judged-runs.ts'
import { judgeSources } from './silence.ts'
import { reportLeftOver } from './incidents.ts'

/**
 * Time between two searches for stale sources: they are silent for an hour at least, and the search reads all sources.
 */
const silenceEveryMs = 60_000

/**
 * Judges final runs and silent sources, and reports incidents that open and close, until the service stops. The
 * returned function starts a turn now.
 */
export function startHealth(
  config: Config,
  context: ServiceContext,
  database: Database,
  wakeOutbox: () => void,
): () => void {
  let silenceJudgedAt = -Infinity
  return startLoop('health', config.TICK_SECONDS * 1000, context, async () => {
    let judged: number
    do {
      judged = await judgeRuns(config, database)
    } while (judged > 0 && !context.stopping.aborted)
    if (performance.now() - silenceJudgedAt >= silenceEveryMs) {
      await judgeSources(config, database)
      silenceJudgedAt = performance.now()
    }
    await reportLeftOver(database)
    wakeOutbox()
  })
}
