import { readRows } from '#runtime/open-kafka.ts'
import type { KafkaSettings } from '#runtime/process/settings.ts'
import { hourMs } from '#runtime/text/time.ts'
import type { Told } from '#schemas/generated/types.ts'
import { topics } from '#schemas/topics.ts'
import { collectLastWords, type LastWord } from '../told/last-words.ts'

/** Clocks of servers differ, and a delivery that was under way has its content in a record from before. */
const overlapMs = hourMs

/** What came of each message that was told since then (ms since 1970), as the topic has it. */
export async function readTold(config: KafkaSettings, since: number): Promise<LastWord[]> {
  const collected = collectLastWords()
  const note = (told: Told | null) => {
    if (told !== null) collected.add(told)
  }
  await readRows(config, topics.told, note, since - overlapMs)
  return collected.words()
}
