// News, operational events and what people ask for → messages and reports. Consumed at least once, stored exactly once; each message goes to each
// destination once, and where the answer of a channel is lost the delivery ledger says so instead of sending again.
import { openDatabase } from '#runtime/postgres/database.ts'
import { startPruning } from '#runtime/postgres/prune-ledger.ts'
import { consume } from '#runtime/consume/consume.ts'
import { on } from '#runtime/consume/process-batch.ts'
import { openProducer } from '#runtime/kafka/produce.ts'
import { runService } from '#runtime/process/service.ts'
import { createCodec } from '#schemas/codec.ts'
import { createRegistry } from '#schemas/registry.ts'
import { topics } from '#schemas/topics.ts'
import { readConfig } from './config.ts'
import { startDelivery } from './delivery/loop.ts'
import { startDigests } from './digests/loop.ts'
import { storeNews } from './inbox/news.ts'
import { storeOpsEvents } from './inbox/ops-events.ts'
import { startStoringReports } from './digests/reports.ts'
import { startPlanning } from './plan/loop.ts'
import { startAnnouncingParking } from './delivery/announce-parking.ts'
import { takeTriggers } from './inbox/triggers.ts'

await runService('notifier', readConfig, async (config, context) => {
  const codec = createCodec(createRegistry(config.SCHEMA_REGISTRY_URL))
  const database = await openDatabase(config, context)
  const producer = await openProducer(config, context)
  const wakeDelivery = startDelivery(database, config, context)
  const wakePlanning = startPlanning(database, config, context, wakeDelivery)
  startAnnouncingParking(database, config, context, { codec, producer }, wakeDelivery)
  const wakeDigests = startDigests(database, config, context, wakeDelivery)
  startStoringReports(database, config, context)
  startPruning(database, 'notifier', config, context)
  await consume(config, context, { codec, producer }, [
    on(topics.news, storeNews(database, config, wakePlanning)),
    on(topics.opsEvents, storeOpsEvents(database, wakePlanning)),
    on(topics.triggers, takeTriggers(database, wakeDigests)),
  ])
})
