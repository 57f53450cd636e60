// Clock and triggers → tasks → mining modules; finish records and headers of raw payloads → outcomes. The Postgres row is
// the lock: each slot is started once, by one of any number of replicas. Consumes at least once, effects exactly once.
import { consume } from '#runtime/consume/consume.ts'
import { on, onHeadersOf } from '#runtime/consume/process-batch.ts'
import { openDatabase } from '#runtime/postgres/database.ts'
import { startPruning } from '#runtime/postgres/prune-ledger.ts'
import { openProducer } from '#runtime/kafka/produce.ts'
import { runService } from '#runtime/process/service.ts'
import { createCodec } from '#schemas/codec.ts'
import { createRegistry } from '#schemas/registry.ts'
import { topics } from '#schemas/topics.ts'
import { readConfig } from './config.ts'
import { countFeeds } from './inbox/raw-payloads.ts'
import { takeFinishes } from './inbox/crawl-finished.ts'
import { startHealth } from './health-loop.ts'
import { startRounds } from './rounds.ts'
import { takeTriggers } from './inbox/triggers.ts'

await runService('scheduler', readConfig, async (config, context) => {
  const database = await openDatabase(config, context)
  const codec = createCodec(createRegistry(config.SCHEMA_REGISTRY_URL))
  const producer = await openProducer(config, context)
  const judge = startHealth(config, context, database, { codec, producer })
  const wake = startRounds(config, context, database, judge)
  startPruning(database, 'scheduler', config, context)
  await consume(config, context, { codec, producer }, [
    on(topics.triggers, takeTriggers(database, context.log, wake)),
    on(topics.crawlFinished, takeFinishes(database, context.log, wake)),
    onHeadersOf(topics.rawPayloads, countFeeds(database)),
  ])
})
