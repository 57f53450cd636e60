// Clock and triggers → tasks → mining modules; finish records and headers of raw payloads → outcomes. The row in
// Postgres is the lock: each slot starts once, on one of any number of replicas. Consumes at least once, effects
// exactly once.
import { takeChanges } from '#runtime/changes/apply-changes.ts'
import { on, onHeadersOf } from '#runtime/consume/subscription.ts'
import { openKafka } from '#runtime/open-kafka.ts'
import { startOutbox } from '#runtime/outbox/outbox.ts'
import { openDatabase } from '#runtime/postgres/database.ts'
import { outcomes, startPruning } from '#runtime/postgres/prune-ledger.ts'
import { runService } from '#runtime/process/service.ts'
import { topics } from '#schemas/topics.ts'
import { appliers } from './appliers.ts'
import { readConfig } from './config.ts'
import { countFeeds } from './inbox/raw-payloads.ts'
import { takeFinishes } from './inbox/crawl-finished.ts'
import { startHealth } from './health-loop.ts'
import { startRounds } from './rounds.ts'
import { takeTriggers } from './inbox/triggers.ts'

await runService('scheduler', readConfig, async (config, context) => {
  const { consume, publish } = await openKafka(config, context)
  const database = await openDatabase(config, context)
  const judge = startHealth(config, context, database, startOutbox(context, database, publish))
  const wake = startRounds(config, context, database, judge)
  startPruning(config, context, database, [outcomes])
  await consume([
    on(topics.triggers, takeTriggers(context, database, wake)),
    on(topics.changes, takeChanges('scheduler', database, appliers, wake)),
    on(topics.crawlFinished, takeFinishes(config, context, database, wake)),
    onHeadersOf(topics.rawPayloads, countFeeds(config, database)),
  ])
})
