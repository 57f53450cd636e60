// Raw payloads and maps → Firestore. At least once; each payload is exactly one document (deterministic id, create()).
import { consume } from '#runtime/consume/consume.ts'
import { on } from '#runtime/consume/process-batch.ts'
import { openProducer } from '#runtime/kafka/produce.ts'
import { runService } from '#runtime/process/service.ts'
import { createCodec } from '#schemas/codec.ts'
import { createRegistry } from '#schemas/registry.ts'
import { topics } from '#schemas/topics.ts'
import { readConfig } from './config.ts'
import { storeMaps, storePayloads } from './handle.ts'
import { openStore } from './store.ts'

await runService('raw-sink', readConfig, async (config, context) => {
  const codec = createCodec(createRegistry(config.SCHEMA_REGISTRY_URL))
  const producer = await openProducer(config, context)
  const store = openStore(config, context)
  await consume(config, context, { codec, producer }, [
    on(topics.rawPayloads, storePayloads(store)),
    on(topics.normalizationMaps, storeMaps(store)),
  ])
})
