import type {
  Change,
  CrawlFinished,
  Erasure,
  News,
  NormalizationMap,
  Observation,
  OpsEvent,
  RawPayload,
  SourcingTrigger,
  Told,
} from './generated/types.ts'

/** The services that read topics. Each is the consumer group of the same name. */
export type Consumer = 'raw-sink' | 'normalizer' | 'analyzer' | 'notifier' | 'scheduler'

/** The services that write to topics. */
type Producer = Consumer | 'edge'

const everyConsumer = ['raw-sink', 'normalizer', 'analyzer', 'notifier', 'scheduler'] as const
const everyService = ['edge', ...everyConsumer] as const

/** A topic whose values are `T`. The one place where its name, key, schema, size and retention are said. */
export type Topic<T> = {
  name: string
  /** What the UTF-8 key of its records is. */
  key: string
  /** `schemas/<schema>.avsc`; its subject in the registry is `<name>-value`. */
  schema: string
  partitions: number
  /** Topic settings of Kafka, https://kafka.apache.org/documentation/#topicconfigs */
  config: Record<string, string>
  /**
   * Long texts of its records are clipped (runtime/text/clip-texts.ts), because they are for people and kept whole
   * elsewhere. In other topics they are whole or, where they are made, cut on purpose.
   */
  clipped?: true
  producers: readonly Producer[]
  /** Who reads it in a consumer group; each has its own dead letter topic. */
  consumers: readonly Consumer[]
  /** Who reads all of it into memory, each process for itself. */
  tables?: readonly Consumer[]
  /** Headers of its records, besides those that all records carry. */
  headers?: Readonly<Record<string, string>>
  /** Never set: carries the type of the values. */
  readonly value?: T
}

const days = (n: number) => String(n * 24 * 60 * 60 * 1000)
const gib = 1024 ** 3
const kept = (retention: string, maxBytes = 1024 * 1024, bytesPerPartition = gib) => ({
  'cleanup.policy': 'delete',
  'retention.ms': retention,
  'retention.bytes': String(bytesPerPartition),
  'max.message.bytes': String(maxBytes),
})

/** The largest request body the edge takes; the topics that carry bodies allow a little more for the record around it. */
export const maxBodyBytes = 8 * 1024 * 1024
const maxMessageBytes = maxBodyBytes + 128 * 1024
/** Dead letters are their source's bytes with headers added. */
const deadLetterRoom = 64 * 1024
const deadLetterDays = 30

export const topics = {
  rawPayloads: {
    name: 'mining.raw-payloads.v1',
    key: 'company id',
    schema: 'raw-payload',
    producers: ['edge', 'raw-sink'],
    headers: {
      task_id: 'The task of the run that fed it, if there is one.',
      observed_at: 'observed_at of the value, if it has one, ms since 1970.',
      replay_for: 'Only if it comes from a dead letter topic: the service that it is for. Others pass over it.',
    },
    partitions: 6,
    config: kept(days(14), maxMessageBytes, 8 * gib),
    consumers: ['raw-sink', 'normalizer', 'scheduler'],
  } as Topic<RawPayload>,
  normalizationMaps: {
    name: 'mining.normalization-maps.v1',
    key: '<data source id>/<version>',
    schema: 'normalization-map',
    producers: ['edge'],
    tables: ['normalizer'],
    partitions: 6,
    config: { 'cleanup.policy': 'compact', 'max.message.bytes': String(maxMessageBytes) },
    consumers: ['raw-sink'],
  } as Topic<NormalizationMap>,
  observations: {
    name: 'mining.observations.v1',
    key: 'company id',
    schema: 'observation',
    producers: ['normalizer'],
    partitions: 6,
    config: kept(days(30), 4 * 1024 * 1024, 4 * gib),
    consumers: ['analyzer'],
  } as Topic<Observation>,
  news: {
    name: 'insights.news.v1',
    key: 'company id',
    schema: 'news',
    producers: ['analyzer'],
    headers: { group_id: 'The payload of which it is one of the news items.' },
    partitions: 6,
    config: kept(days(30)),
    clipped: true,
    consumers: ['notifier'],
  } as Topic<News>,
  triggers: {
    name: 'sourcing.triggers.v1',
    key: 'trigger kind',
    schema: 'sourcing-trigger',
    producers: ['edge'],
    partitions: 6,
    config: kept(days(7)),
    consumers: ['scheduler', 'notifier'],
  } as Topic<SourcingTrigger>,
  crawlFinished: {
    name: 'sourcing.crawl-finished.v1',
    key: 'data source id',
    schema: 'crawl-finished',
    producers: ['edge'],
    headers: { task_id: 'The task that has ended.' },
    partitions: 6,
    config: kept(days(14)),
    consumers: ['scheduler'],
  } as Topic<CrawlFinished>,
  changes: {
    name: 'ops.commands.v1',
    key: '<owner service>/<what is changed>',
    schema: 'change',
    producers: ['edge'],
    partitions: 6,
    config: kept(days(30)),
    consumers: ['analyzer', 'normalizer', 'notifier', 'scheduler'],
  } as Topic<Change>,
  opsEvents: {
    name: 'ops.events.v1',
    key: 'data source id or service',
    schema: 'ops-event',
    producers: everyService,
    partitions: 6,
    config: kept(days(30)),
    clipped: true,
    consumers: ['notifier'],
  } as Topic<OpsEvent>,
  told: {
    name: 'notify.told.v1',
    key: '<notification id>/<delivery id>',
    schema: 'told',
    producers: ['notifier'],
    partitions: 6,
    config: kept(days(30), 4 * 1024 * 1024),
    // `npx parma deliveries recall` reads it, as the operator.
    consumers: [],
  } as Topic<Told>,
  erasures: {
    name: 'ops.erasures.v1',
    key: 'event id',
    schema: 'erasure',
    // `npx parma forget` writes it, as the operator.
    producers: [],
    tables: everyConsumer,
    partitions: 1,
    config: { 'cleanup.policy': 'compact', 'max.message.bytes': String(1024 * 1024) },
    consumers: [],
  } as Topic<Erasure>,
} as const

export const allTopics: readonly Topic<unknown>[] = Object.values(topics)

/** Whether the keys of its records are companies. */
export function isByCompany({ key }: Pick<Topic<unknown>, 'key'>): boolean {
  return key === 'company id'
}

/** How long a record that took effect may still come again: for the time its topic keeps it, and then as a dead letter. */
export const recordLifeDays =
  Math.max(...allTopics.map(({ config }) => Number(config['retention.ms'] ?? 0))) / Number(days(1)) + deadLetterDays

/** Subject of a topic's values in the registry (TopicNameStrategy), by the name the topic has in the cluster. */
export function subjectOf(topicName: string): string {
  return `${topicName}-value`
}

/** The largest record that a topic takes, with its key and headers. */
export function maxRecordBytes({ config }: Pick<Topic<unknown>, 'config'>): number {
  return Number(config['max.message.bytes'])
}

/** Where `consumer` puts what it cannot process of `topic`: by the same key, bytes untouched. */
export function deadLetterTopic(
  topic: Topic<unknown>,
  consumer: string,
): Omit<Topic<never>, 'schema' | 'producers' | 'consumers'> {
  return {
    name: `${topic.name}.${consumer}.dlq`,
    key: topic.key,
    partitions: topic.partitions,
    config: kept(days(deadLetterDays), maxRecordBytes(topic) + deadLetterRoom),
  }
}
