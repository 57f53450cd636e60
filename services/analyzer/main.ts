// Observations → news items in Postgres → news items on the topic. At least once: each firing is one news item (ledger),
// and every delivery of a payload sends the same news items.
import { takeChanges } from '#runtime/changes/apply-changes.ts'
import { on } from '#runtime/consume/subscription.ts'
import { openKafka } from '#runtime/open-kafka.ts'
import { startOutbox } from '#runtime/outbox/outbox.ts'
import { openDatabase } from '#runtime/postgres/database.ts'
import { outcomes, startPruning } from '#runtime/postgres/prune-ledger.ts'
import { runService } from '#runtime/process/service.ts'
import { topics } from '#schemas/topics.ts'
import { readConfig } from './config.ts'
import { startForecasting } from './forecast/loop.ts'
import { judgeObservations } from './handle.ts'
import { startKeepingMeanings } from './meaning/measurement-meanings.ts'
import { startFollowing } from './rhythm/loop.ts'
import { openRules } from './rules/rules-in-force.ts'
import { startPruningRuns } from './runs/prune-runs.ts'
import { startRunWatch } from './runs/run-watch.ts'
import { openStore } from './store/store.ts'
import { openAppliers } from './rule-trial/appliers.ts'
import { startJudgingTrials } from './trial/loop.ts'

await runService('analyzer', readConfig, async (config, context) => {
  const { consume, publish } = await openKafka(config, context)
  const database = await openDatabase(config, context)
  const wakeOutbox = startOutbox(context, database, publish)
  const store = openStore(config, database, openRules(config, database), wakeOutbox)
  startFollowing(context, database, wakeOutbox, startForecasting(config, context, database))
  startKeepingMeanings(config, context, database)
  startRunWatch(config, context, database, wakeOutbox)
  startPruningRuns(config, context, database)
  startJudgingTrials(config, context, database)
  startPruning(config, context, database, [
    outcomes,
    { table: 'rule_trial', column: 'made_at', days: 1 },
    { table: 'rule_rehearsal', column: 'made_at', days: 1 },
    { table: 'map_trial_news', column: 'made_at', days: 30 },
  ])
  await consume([
    on(topics.observations, judgeObservations(store), 'judged'),
    on(topics.changes, takeChanges('analyzer', database, openAppliers(config), wakeOutbox)),
  ])
})
