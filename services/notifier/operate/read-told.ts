import { prefixed } from '#runtime/kafka/client.ts'
import { readBetween } from '#runtime/kafka/read-topics.ts'
import { createLog } from '#runtime/process/log.ts'
import type { KafkaSettings } from '#runtime/process/settings.ts'
import { hourMs } from '#runtime/text/time.ts'
import { createCodec } from '#schemas/codec.ts'
import { createRegistry } from '#schemas/registry.ts'
import { topics } from '#schemas/topics.ts'
import { collectLastWords, type LastWord } from '../told/last-words.ts'

/** Clocks of servers differ, and a delivery that was under way has its content in a record from before. */
const overlapMs = hourMs

/** What came of each message that was told since then (ms since 1970), as the topic has it. */
export async function readTold(config: KafkaSettings, since: number): Promise<LastWord[]> {
  const codec = createCodec(createRegistry(config.SCHEMA_REGISTRY_URL))
  const collected = collectLastWords()
  const times = { from: since - overlapMs, to: Number.MAX_SAFE_INTEGER }
  const topic = prefixed(config, topics.told.name)
  await readBetween(config, createLog('parma', 'silent'), topic, times, async ({ value }) => {
    collected.add(await codec.decode(topics.told, value))
  })
  return collected.words()
}
