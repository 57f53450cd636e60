// Raw payloads and maps → values in Postgres → observations. At least once; each payload takes effect once (ledger), and
// its observations are the same at each delivery.
import { consume } from '#runtime/consume/consume.ts'
import { on } from '#runtime/consume/process-batch.ts'
import { openDatabase } from '#runtime/postgres/database.ts'
import { openProducer } from '#runtime/kafka/produce.ts'
import { runService } from '#runtime/process/service.ts'
import { readTable } from '#runtime/kafka/topic-table.ts'
import { createCodec } from '#schemas/codec.ts'
import { createRegistry } from '#schemas/registry.ts'
import { topics } from '#schemas/topics.ts'
import { readConfig } from './config.ts'
import { normalizePayloads } from './handle.ts'
import { createMaps } from './maps/loaded-maps.ts'
import { openStore } from './store/store.ts'

await runService('normalizer', readConfig, async (config, context) => {
  const codec = createCodec(createRegistry(config.SCHEMA_REGISTRY_URL))
  const producer = await openProducer(config, context)
  const store = openStore(await openDatabase(config, context))
  const maps = createMaps(config.MAP_WAIT_MS)
  await readTable(config, context, codec, topics.normalizationMaps, maps.add)
  await consume(config, context, { codec, producer }, [on(topics.rawPayloads, normalizePayloads(maps, store, config))])
})
