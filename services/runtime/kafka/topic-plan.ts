import kafkajs, { type Admin } from 'kafkajs'
import { allTopics, deadLetterTopic } from '#schemas/topics.ts'
import type { KafkaSettings } from '../process/settings.ts'
import { createKafka, prefixed } from './client.ts'
import type { Log } from '../process/log.ts'
import { retryTransient } from '../calls/retry.ts'

// Node does not see this one among the names that kafkajs, a CommonJS module, exports.
const { ConfigResourceTypes } = kafkajs
const createTimeoutMs = 30_000

export type WantedTopic = {
  name: string
  partitions: number
  config: Record<string, string>
  /** Of a dead letter topic: the topic whose records it takes. */
  source?: string
}
/** Numbers in place of those of the table, by name of the topic, without prefix; `*` stands for all others. */
export type ByTopic = ReadonlyMap<string, number>

/** What an installation has in place of the table. `retentionBytes` are of one partition; 0: as many as come. */
export type GivenSizes = { partitions?: ByTopic; retentionBytes?: ByTopic }

/** One difference between the table in schemas/topics.ts and the cluster. */
export type TopicChange =
  | { kind: 'create'; topic: string; partitions: number; config: Record<string, string> }
  | { kind: 'configure'; topic: string; from: Record<string, string>; to: Record<string, string> }
  | { kind: 'repartition'; topic: string; from: number; to: number }

type ExistingTopic = { partitions: number; replicas: number; config: Record<string, string> }

/** All topics this installation needs, dead letter topics included, under their names in the cluster. */
export function wantedTopics(
  settings: Pick<KafkaSettings, 'TOPIC_PREFIX'>,
  { partitions: ofPartitions = new Map(), retentionBytes = new Map() }: GivenSizes = {},
): WantedTopic[] {
  return allTopics.flatMap((topic) => {
    const name = prefixed(settings, topic.name)
    const given = (sizes: ByTopic) => sizes.get(topic.name) ?? sizes.get('*')
    const partitions = given(ofPartitions) ?? topic.partitions
    const letters = topic.consumers.map((consumer) => deadLetterTopic(topic, consumer))
    return [
      { name, partitions, config: withRetention(topic.config, given(retentionBytes)) },
      ...letters.map((one) => ({
        ...{ name: prefixed(settings, one.name), partitions, source: name },
        config: withRetention(one.config, given(retentionBytes)),
      })),
    ]
  })
}

/** A compacted topic keeps its records whatever their size. */
function withRetention(config: Record<string, string>, bytes: number | undefined): Record<string, string> {
  if (bytes === undefined || config['cleanup.policy'] === 'compact') return config
  return { ...config, 'retention.bytes': bytes === 0 ? '-1' : String(bytes) }
}

/**
 * What must change in the cluster, where new topics get `replicas`. More partitions than wanted are left: an operator may
 * have added them; dead letter topics then follow.
 */
export function compareTopics(
  wanted: readonly WantedTopic[],
  existing: ReadonlyMap<string, ExistingTopic>,
  replicas: number,
): TopicChange[] {
  return wanted.flatMap(({ name: topic, source = '', ...one }): TopicChange[] => {
    const found = existing.get(topic)
    const partitions = Math.max(one.partitions, existing.get(source)?.partitions ?? 0)
    const config = { ...one.config, ...durability(found?.replicas ?? replicas) }
    if (!found) return [{ kind: 'create', topic, partitions, config }]
    const changes: TopicChange[] = []
    const wrong = Object.keys(config).filter((name) => found.config[name] !== config[name])
    const pick = (from: Record<string, string>) => Object.fromEntries(wrong.map((name) => [name, from[name] ?? '']))
    if (wrong.length > 0) changes.push({ kind: 'configure', topic, from: pick(found.config), to: pick(config) })
    if (found.partitions < partitions)
      changes.push({ kind: 'repartition', topic, from: found.partitions, to: partitions })
    return changes
  })
}

/** A record is safe on all replicas but one before it is acknowledged, so that one may be away and one may then be lost. */
function durability(replicas: number): Record<string, string> {
  return replicas > 2 ? { 'min.insync.replicas': String(replicas - 1) } : {}
}

export type TopicAdmin = AsyncDisposable & {
  plan(): Promise<TopicChange[]>
  /**
   * Makes the changes and waits until the cluster shows them. `repartition` moves keys to other partitions, so the order
   * per key is only kept when nothing is in flight.
   */
  apply(changes: readonly TopicChange[]): Promise<void>
}

/** New topics get `replicas`. */
export async function openTopicAdmin(
  settings: KafkaSettings,
  log: Log,
  { replicas, ...given }: GivenSizes & { replicas: number },
): Promise<TopicAdmin> {
  const admin = createKafka(settings, 'parma-topics', log).admin()
  await admin.connect()
  const ours = wantedTopics(settings, given)
  return {
    async plan() {
      const names = new Set(await admin.listTopics())
      const found = ours.map(({ name }) => name).filter((name) => names.has(name))
      const [{ topics }, configs] = await Promise.all([
        found.length > 0 ? admin.fetchTopicMetadata({ topics: found }) : { topics: [] },
        readConfigs(admin, found),
      ])
      const existing = topics.map(
        ({ name, partitions: found }) =>
          [name, { partitions: found.length, replicas: fewest(found), config: configs.get(name) ?? {} }] as const,
      )
      return compareTopics(ours, new Map(existing), replicas)
    },
    async apply(changes) {
      const missing = changes.filter((change) => change.kind === 'create')
      if (missing.length > 0) await create(admin, missing, replicas)
      for (const change of changes) {
        if (change.kind === 'configure') await configure(admin, change.topic, change.to)
        if (change.kind === 'repartition')
          await admin.createPartitions({ topicPartitions: [{ topic: change.topic, count: change.to }] })
      }
    },
    [Symbol.asyncDispose]: () => admin.disconnect(),
  }
}

async function readConfigs(admin: Admin, topics: string[]): Promise<Map<string, Record<string, string>>> {
  if (topics.length === 0) return new Map()
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({ type: ConfigResourceTypes.TOPIC, name })),
  })
  return new Map(
    resources.map(({ resourceName, configEntries }) => [
      resourceName,
      Object.fromEntries(configEntries.map(({ configName, configValue }) => [configName, configValue])),
    ]),
  )
}

async function create(
  admin: Admin,
  missing: Extract<TopicChange, { kind: 'create' }>[],
  replicas: number,
): Promise<void> {
  const topics = missing.map(({ topic, partitions, config }) => ({
    ...{ topic, numPartitions: partitions, replicationFactor: replicas },
    configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
  }))
  await admin.createTopics({ topics, waitForLeaders: false })
  // The controller answers before the brokers know the topics, and they know them before they lead their partitions.
  const signal = AbortSignal.timeout(createTimeoutMs)
  for (const { topic } of topics) await retryTransient(() => admin.fetchTopicOffsets(topic), { signal })
}

async function configure(admin: Admin, topic: string, settings: Record<string, string>): Promise<void> {
  const resource = { type: ConfigResourceTypes.TOPIC, name: topic }
  const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [resource] })
  // AlterConfigs replaces all settings of the topic, so those that were set on it before are sent along (source 1).
  const kept = (resources[0]?.configEntries ?? []).filter(({ configSource }) => Number(configSource) === 1)
  const wanted = {
    ...Object.fromEntries(kept.map(({ configName, configValue }) => [configName, configValue])),
    ...settings,
  }
  const configEntries = Object.entries(wanted).map(([name, value]) => ({ name, value }))
  await admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries }] })
}

function fewest(partitions: readonly { replicas: number[] }[]): number {
  return Math.min(...partitions.map(({ replicas }) => replicas.length))
}
