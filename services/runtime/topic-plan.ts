import { ConfigResourceTypes } from 'kafkajs'
import { allTopics, deadLetterTopic } from '#schemas/topics.ts'
import type { KafkaSettings } from './config.ts'
import { createKafka, prefixed } from './kafka.ts'
import type { Log } from './log.ts'

export type WantedTopic = { name: string; partitions: number; config: Record<string, string> }

/** One difference between the table in schemas/topics.ts and the cluster. */
export type TopicChange =
  | { kind: 'create'; topic: string; partitions: number; config: Record<string, string> }
  | { kind: 'configure'; topic: string; from: Record<string, string>; to: Record<string, string> }
  | { kind: 'repartition'; topic: string; from: number; to: number }

type ExistingTopic = { partitions: number; config: Record<string, string> }

/** All topics this installation needs, dead letter topics included, under their names in the cluster. */
export function wantedTopics(settings: Pick<KafkaSettings, 'TOPIC_PREFIX'>): WantedTopic[] {
  return allTopics.flatMap((topic) =>
    [topic, ...topic.consumers.map((consumer) => deadLetterTopic(topic, consumer))].map(
      ({ name, partitions, config }) => ({
        name: prefixed(settings, name),
        partitions,
        config,
      }),
    ),
  )
}

/** What must change in the cluster. More partitions than wanted are left: an operator may have added them. */
export function compareTopics(
  wanted: readonly WantedTopic[],
  existing: ReadonlyMap<string, ExistingTopic>,
): TopicChange[] {
  return wanted.flatMap((topic): TopicChange[] => {
    const found = existing.get(topic.name)
    if (!found) return [{ kind: 'create', topic: topic.name, partitions: topic.partitions, config: topic.config }]
    const changes: TopicChange[] = []
    const wrong = Object.keys(topic.config).filter((name) => found.config[name] !== topic.config[name])
    const pick = (config: Record<string, string>) => Object.fromEntries(wrong.map((name) => [name, config[name] ?? '']))
    if (wrong.length > 0)
      changes.push({ kind: 'configure', topic: topic.name, from: pick(found.config), to: pick(topic.config) })
    if (found.partitions < topic.partitions)
      changes.push({ kind: 'repartition', topic: topic.name, from: found.partitions, to: topic.partitions })
    return changes
  })
}

export type TopicAdmin = AsyncDisposable & {
  plan(): Promise<TopicChange[]>
  /** Makes one change. `repartition` moves keys to other partitions, so per-key order is only kept when nothing is in flight. */
  apply(change: TopicChange, replicas: number): Promise<void>
}

export async function openTopicAdmin(settings: KafkaSettings, log: Log): Promise<TopicAdmin> {
  const admin = createKafka(settings, 'parma-topics', log).admin()
  await admin.connect()
  const ours = wantedTopics(settings)

  async function configOf(topics: string[]): Promise<Map<string, Record<string, string>>> {
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

  return {
    async plan() {
      const names = new Set(await admin.listTopics())
      const found = ours.map(({ name }) => name).filter((name) => names.has(name))
      const [{ topics }, configs] = await Promise.all([
        found.length > 0 ? admin.fetchTopicMetadata({ topics: found }) : { topics: [] },
        configOf(found),
      ])
      const existing = topics.map(
        ({ name, partitions }) => [name, { partitions: partitions.length, config: configs.get(name) ?? {} }] as const,
      )
      return compareTopics(ours, new Map(existing))
    },
    async apply(change, replicas) {
      if (change.kind === 'create') {
        const configEntries = Object.entries(change.config).map(([name, value]) => ({ name, value }))
        const topic = {
          topic: change.topic,
          numPartitions: change.partitions,
          replicationFactor: replicas,
          configEntries,
        }
        await admin.createTopics({ topics: [topic], waitForLeaders: true })
      } else if (change.kind === 'configure') {
        // AlterConfigs replaces all settings of the topic, so those we do not care about are sent along.
        const { resources } = await admin.describeConfigs({
          includeSynonyms: false,
          resources: [{ type: ConfigResourceTypes.TOPIC, name: change.topic }],
        })
        const kept = (resources[0]?.configEntries ?? []).filter(
          ({ isDefault, configSource }) => !isDefault && Number(configSource) === 1,
        )
        const entries = {
          ...Object.fromEntries(kept.map(({ configName, configValue }) => [configName, configValue])),
          ...change.to,
        }
        const configEntries = Object.entries(entries).map(([name, value]) => ({ name, value }))
        await admin.alterConfigs({
          validateOnly: false,
          resources: [{ type: ConfigResourceTypes.TOPIC, name: change.topic, configEntries }],
        })
      } else {
        await admin.createPartitions({ topicPartitions: [{ topic: change.topic, count: change.to }] })
      }
    },
    [Symbol.asyncDispose]: () => admin.disconnect(),
  }
}
