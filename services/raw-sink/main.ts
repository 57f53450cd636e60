// Raw payloads and maps → Firestore. Consumes at least once; each is one document (deterministic id, create()).
import { on } from '#runtime/consume/subscription.ts'
import { openKafka } from '#runtime/open-kafka.ts'
import { runService } from '#runtime/process/service.ts'
import { topics } from '#schemas/topics.ts'
import { readConfig } from './config.ts'
import { storeMaps, storePayloads } from './handle.ts'
import { openStore } from './store.ts'

await runService('raw-sink', readConfig, async (config, context) => {
  const { consume } = await openKafka(config, context)
  const store = openStore(config, context)
  await consume([on(topics.rawPayloads, storePayloads(store), 'kept'), on(topics.normalizationMaps, storeMaps(store))])
})
