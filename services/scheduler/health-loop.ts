import type { KafkaSettings } from '#runtime/process/config.ts'
import { prefixed } from '#runtime/kafka/client.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { Database } from '#runtime/postgres/database.ts'
import type { Producer } from '#runtime/kafka/produce.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import { nextSpan } from '#runtime/kafka/trace.ts'
import type { Codec } from '#schemas/codec.ts'
import { topics } from '#schemas/topics.ts'
import type { Config } from './config.ts'
import { judgeRuns } from './judged-runs.ts'
import { judgeSources } from './silence.ts'
import { eventOf, markPublished, readUnpublished } from './incidents.ts'

/** How often silent sources are looked for: they are silent for an hour at least, and the query reads all sources. */
const silenceEveryMs = 60_000

/**
 * Judges settled runs and silent sources, and tells operators what begins and what is over, until the service stops. The
 * returned function asks for a turn now. Each part of a story is told at least once, and is the same event each time.
 */
export function startHealth(
  config: Config,
  context: ServiceContext,
  database: Database,
  { codec, producer }: { codec: Codec; producer: Producer },
): () => void {
  let silenceJudgedAt = -Infinity
  return startLoop('health', config.TICK_SECONDS * 1000, context, async () => {
    let judged: number
    do {
      judged = await judgeRuns(database, config)
    } while (judged > 0 && !context.stopping.aborted)
    if (performance.now() - silenceJudgedAt >= silenceEveryMs) {
      await judgeSources(database, config)
      silenceJudgedAt = performance.now()
    }
    await publish(config, database, codec, producer)
  })
}

async function publish(
  config: Pick<KafkaSettings, 'TOPIC_PREFIX'>,
  database: Database,
  codec: Codec,
  producer: Producer,
): Promise<void> {
  const unpublished = await readUnpublished(database)
  if (unpublished.length === 0) return
  const topic = prefixed(config, topics.opsEvents.name)
  const events = unpublished.map(eventOf)
  await producer.send(
    await Promise.all(
      events.map(async (event) => ({
        topic,
        key: String(event.data_source_id),
        value: await codec.encode(topics.opsEvents, topic, event),
        headers: { event_id: event.event_id, traceparent: nextSpan(undefined) },
      })),
    ),
  )
  await markPublished(database, unpublished)
}
