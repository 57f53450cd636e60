// Raw payloads and maps → values in Postgres → observations. At least once: each payload takes effect once (ledger), and
// every delivery sends the same observations.
import { takeChanges } from '#runtime/changes/apply-changes.ts'
import { on } from '#runtime/consume/subscription.ts'
import { openKafka } from '#runtime/open-kafka.ts'
import { startOutbox } from '#runtime/outbox/outbox.ts'
import { openDatabase } from '#runtime/postgres/database.ts'
import { runService } from '#runtime/process/service.ts'
import { topics } from '#schemas/topics.ts'
import { readConfig } from './config.ts'
import { normalizePayloads } from './handle.ts'
import { createMaps } from './loaded-maps.ts'
import { appliers } from './replay/appliers.ts'
import { startTrials } from './map-trial/loop.ts'
import { openDocuments } from './raw-documents.ts'
import { startReplaying } from './replay/loop.ts'
import { openStore } from './store/store.ts'
import { watchDue } from './watch-due.ts'

/** How often the outbox looks by itself: `watchDue` wakes it. */
const outboxMs = 30_000

await runService('normalizer', readConfig, async (config, context) => {
  const { consume, publish, readTable, readBetween, erasures } = await openKafka(config, context)
  const database = await openDatabase(config, context)
  const maps = createMaps(config.MAP_WAIT_MS)
  await readTable(topics.normalizationMaps, maps.add)
  const wakeOutbox = startOutbox(context, database, publish, outboxMs)
  const store = openStore(config, database, wakeOutbox)
  const documents = openDocuments(config.firestore, context.scope)
  const wakeReplays = startReplaying(
    { config, database, maps, publish, documents, erasures, readTopic: readBetween },
    context,
  )
  const wakeTrials = startTrials({ config, database, documents }, context)
  watchDue(context, database, { replay: wakeReplays, tryMaps: wakeTrials, publish: wakeOutbox })
  const wake = () => {
    wakeReplays()
    wakeTrials()
  }
  await consume([
    on(topics.rawPayloads, normalizePayloads(config, maps, store), 'stored'),
    on(topics.changes, takeChanges('normalizer', database, appliers, wake)),
  ])
})
