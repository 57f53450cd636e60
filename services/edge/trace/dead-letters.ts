import { LRUCache } from 'lru-cache'
import { prefixed } from '#runtime/kafka/client.ts'
import { type ReadPositions, readTopics } from '#runtime/kafka/read-topics.ts'
import { type FetchedRecord, headerText } from '#runtime/kafka/record.ts'
import { createCache } from '#runtime/calls/cache.ts'
import type { KafkaSettings } from '#runtime/process/settings.ts'
import { withDeadline } from '#runtime/calls/deadline.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import { deadLetterTopic, topics } from '#schemas/topics.ts'
import type { Consumer, DeadLetters, LookupFailure } from './event-status.ts'

/** The services that dead-lettered an event. Never rejects. */
export type FindDeadLetters = (eventId: string) => Promise<DeadLetters | LookupFailure>

/**
 * Dead letters of a payload and of what it became. A news item has its own id, and its payload's in the header
 * `group_id`.
 */
const deadLetterTopics: { name: string; service: Consumer }[] = [
  { name: deadLetterTopic(topics.rawPayloads, 'raw-sink').name, service: 'raw-sink' },
  { name: deadLetterTopic(topics.rawPayloads, 'normalizer').name, service: 'normalizer' },
  { name: deadLetterTopic(topics.observations, 'analyzer').name, service: 'analyzer' },
  { name: deadLetterTopic(topics.news, 'notifier').name, service: 'notifier' },
]

const keepMs = 10_000
const maxEvents = 20_000

/**
 * Reads all dead letters at once when first asked, because there should be none or few, and then every ten seconds at most
 * those that are new: one reader for all calls. A read that takes longer than `timeoutMs` continues, and serves later calls.
 */
export function openDeadLetters(
  settings: KafkaSettings,
  timeoutMs: number,
  { log }: Pick<ServiceContext, 'log'>,
): FindDeadLetters {
  const cache = createCache<LRUCache<string, DeadLetters>>({ maxEntries: 1, lifeMs: () => keepMs })
  const services = new Map(deadLetterTopics.map(({ name, service }) => [prefixed(settings, name), service]))
  const events = new LRUCache<string, DeadLetters>({ max: maxEvents })
  const positions: ReadPositions = new Map()

  async function read(): Promise<LRUCache<string, DeadLetters>> {
    await readTopics(settings, log, [...services.keys()], note, positions)
    return events
  }

  function note(record: FetchedRecord): void {
    const service = services.get(record.topic)
    const eventId = headerText(record, service === 'notifier' ? 'group_id' : 'event_id')
    if (!service || eventId === undefined) return
    const detail = `${headerText(record, '__dlq.reason') ?? ''}: ${headerText(record, '__dlq.errors.message') ?? ''}`
    events.set(eventId, { ...events.peek(eventId), [service]: { at: record.timestamp, detail } })
  }

  return async (eventId) => {
    const late = () => new Error(`the dead letters were not read within ${timeoutMs} ms`)
    try {
      return (await withDeadline(cache.get('all', read), timeoutMs, late)).get(eventId) ?? {}
    } catch (error) {
      log.warn({ error, event_id: eventId }, 'dead_letter_lookup_failed')
      return 'no-answer'
    }
  }
}
