import { randomUUID } from 'node:crypto'
import { openProducer } from '#runtime/kafka/produce.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { KafkaSettings, ProducerSettings } from '#runtime/process/settings.ts'
import { createCodec } from '#schemas/codec.ts'
import { createRegistry } from '#schemas/registry.ts'
import { indexLetters } from './index-letters.ts'
import { findMended, sendMended } from './mend.ts'
import { findWaiting } from './redrive.ts'
import { workOnReplay } from './run-replay.ts'
import type { LetterTools } from './tools.ts'

/** How often the dead letter topics are looked at when nobody asks, and how often waiting replays are looked for. */
const indexEveryMs = 15_000
const replayEveryMs = 5000

/** What pages and routes do with dead letters, besides asking Postgres. */
export type Letters = {
  /** Reads the record of a letter from its topic. */
  reading: Omit<LetterTools, 'producer'>
  /** Has the topics looked at now. */
  refresh(): void
  /** Has waiting replays begun now. */
  work(): void
}

/** Keeps the table of dead letters up to their topics, and works on replays that nobody else works on. */
export function openLetters(
  settings: KafkaSettings & ProducerSettings,
  context: ServiceContext,
  database: Database,
): Letters {
  const { log, stopping } = context
  const codec = createCodec(createRegistry(settings.SCHEMA_REGISTRY_URL), { unknownIdAfterMs: 0 })
  const reading = { settings, log, database, codec }
  const lease = randomUUID()

  async function work(): Promise<number | null> {
    const [mended, [next]] = await Promise.all([findMended(database), findWaiting(database, lease)])
    if (!next && mended.length === 0) return null
    await using scope = new AsyncDisposableStack()
    const producer = await openProducer(settings, { name: 'edge-replay', log, scope })
    for (const one of mended) await sendMended({ ...reading, producer }, one)
    // Mended ones wait for no replay of others: each turn is some seconds long.
    if (next) {
      await workOnReplay({ ...reading, producer }, next.redrive_id, lease, { stopping })
      log.info({ redrive_id: next.redrive_id }, 'replayed_dead_letters')
    }
    return 0
  }

  return {
    reading,
    refresh: startLoop('dead_letters', indexEveryMs, context, async () => ((await indexLetters(reading)) ? null : 0)),
    work: startLoop('replays', replayEveryMs, context, work),
  }
}
