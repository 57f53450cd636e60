// Observations → news in Postgres → news on the topic. At least once; each firing is news once (ledger), and the news of a
// payload are the same at each delivery.
import { consume } from '#runtime/consume/consume.ts'
import { on } from '#runtime/consume/process-batch.ts'
import { openDatabase } from '#runtime/postgres/database.ts'
import { startPruning } from '#runtime/postgres/prune-ledger.ts'
import { openProducer } from '#runtime/kafka/produce.ts'
import { runService } from '#runtime/process/service.ts'
import { createCodec } from '#schemas/codec.ts'
import { createRegistry } from '#schemas/registry.ts'
import { topics } from '#schemas/topics.ts'
import { readConfig } from './config.ts'
import { judgeObservations } from './handle.ts'
import { openRules } from './rules/rules-in-force.ts'
import { openStore } from './store/store.ts'

await runService('analyzer', readConfig, async (config, context) => {
  const codec = createCodec(createRegistry(config.SCHEMA_REGISTRY_URL))
  const producer = await openProducer(config, context)
  const database = await openDatabase(config, context)
  const store = openStore(database, openRules(database, config), config)
  startPruning(database, 'analyzer', config, context)
  await consume(config, context, { codec, producer }, [on(topics.observations, judgeObservations(store))])
})
