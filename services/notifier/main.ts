// News items, ops events and triggers → messages and reports. At least once, stored once, each message sent once.
import { takeChanges } from '#runtime/changes/apply-changes.ts'
import { on } from '#runtime/consume/subscription.ts'
import { openKafka } from '#runtime/open-kafka.ts'
import { startOutbox } from '#runtime/outbox/outbox.ts'
import { openDatabase } from '#runtime/postgres/database.ts'
import { outcomes, startPruning } from '#runtime/postgres/prune-ledger.ts'
import { runService } from '#runtime/process/service.ts'
import { topics } from '#schemas/topics.ts'
import { openAppliers } from './changes/appliers.ts'
import { previewDigest } from './changes/preview.ts'
import { readConfig } from './config.ts'
import { startDelivery } from './delivery/loop.ts'
import { unwokenTurns } from './delivery/settings.ts'
import { startDigests } from './digests/loop.ts'
import { storeNews } from './inbox/news.ts'
import { storeOpsEvents } from './inbox/ops-events.ts'
import { tryAudience } from './rehearsal/try-audience.ts'
import { takeTriggers } from './inbox/triggers.ts'
import { startPlanning } from './alerts/loop.ts'
import { watchDue } from './alerts/watch-due.ts'

await runService('notifier', readConfig, async (config, context) => {
  const { consume, publish } = await openKafka(config, context)
  const database = await openDatabase(config, context)
  const wakeDelivery = startDelivery(config, context, database, publish)
  const wakePlanning = startPlanning(config, context, database, wakeDelivery)
  const wakeAll = () => [wakePlanning, wakeDelivery].forEach((wake) => wake())
  const wakeOutbox = startOutbox(context, database, publish, unwokenTurns * config.POLL_MS)
  watchDue(config, context, database, { plan: wakePlanning, deliver: wakeDelivery, publish: wakeOutbox })
  const wakeDigests = startDigests(config, context, database, wakeDelivery)
  startPruning(config, context, database, [outcomes, { table: 'rehearsal', column: 'made_at', days: 1 }])
  const appliers = openAppliers(config, previewDigest(config, context.log), tryAudience(config))
  await consume([
    on(topics.news, storeNews(config, database, wakePlanning), 'planned'),
    on(topics.opsEvents, storeOpsEvents(database, wakePlanning)),
    on(topics.changes, takeChanges('notifier', database, appliers, wakeAll)),
    on(topics.triggers, takeTriggers(database, wakeDigests)),
  ])
})
