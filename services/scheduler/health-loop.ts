import { output, type Publish } from '#runtime/kafka/output.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { Database } from '#runtime/postgres/database.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import { topics } from '#schemas/topics.ts'
import type { Config } from './config.ts'
import { judgeRuns } from './judged-runs.ts'
import { judgeSources } from './silence.ts'
import { eventOf, markPublished, readUnpublished } from './incidents.ts'

/** How often silent sources are looked for: they are silent for an hour at least, and the query reads all sources. */
const silenceEveryMs = 60_000

/**
 * Judges settled runs and silent sources, and tells operators what begins and what is over, until the service stops. The
 * returned function asks for a turn now. Each part of a story is told at least once, and is the same event each time.
 */
export function startHealth(config: Config, context: ServiceContext, database: Database, publish: Publish): () => void {
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
    await publishIncidents(database, publish)
  })
}

async function publishIncidents(database: Database, publish: Publish): Promise<void> {
  const unpublished = await readUnpublished(database)
  if (unpublished.length === 0) return
  const events = unpublished.map(eventOf)
  await publish(events.map((one) => output(topics.opsEvents, String(one.data_source_id), one.event_id, one)))
  await markPublished(database, unpublished)
}
