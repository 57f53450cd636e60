import manifest from '../package.json' with { type: 'json' }
import { readSchema } from './avro.ts'
import { type Consumer, deadLetterTopic, type Topic, topics } from './topics.ts'

type Json = Record<string, unknown>
type Named = [key: string, topic: Topic<unknown>]
type Avro = { name: string; doc: string }

const text = (description: string) => ({ type: 'string', description })

/** Headers of all records. */
const shared = {
  event_id: text('The id of what the record says. The same thing sent again has the same id.'),
  traceparent: text('W3C Trace Context: https://www.w3.org/TR/trace-context/'),
}

/** Headers of dead letters, besides those of their record. */
const ofDeadLetters = {
  '__dlq.errors.topic': text('The topic of the record.'),
  '__dlq.errors.partition': text('Its partition.'),
  '__dlq.errors.offset': text('Its offset.'),
  '__dlq.errors.group': text('The consumer group that could not process it.'),
  '__dlq.errors.delivery.count': text('How often it was delivered.'),
  '__dlq.errors.message': text('What went wrong.'),
  '__dlq.reason': text('One of a closed list: services/runtime/consume/outcome.ts.'),
  '__dlq.stage': text('Where it went wrong.'),
  '__dlq.service': text('The service.'),
  '__dlq.first.failed.at': text('When it was first set aside, ISO 8601.'),
  '__dlq.left.out': text('Only if the record is too large: size and sha256 of its value, which is left out.'),
}

/**
 * All topics as an AsyncAPI 3 document (https://www.asyncapi.com/docs/reference/specification/v3.0.0): channels, records
 * with their Avro schemas, and which service sends and receives what. `make schemas` writes it.
 */
export function describeTopics(): Json {
  const all: Named[] = Object.entries(topics)
  const withLetters = all.flatMap(([key, topic]) => topic.consumers.map((consumer) => ({ key, topic, consumer })))
  return {
    asyncapi: '3.0.0',
    info: {
      title: `${manifest.name}: topics`,
      version: manifest.version,
      description:
        `${manifest.description}. What its services say to each other through Kafka. Records are delivered at least ` +
        'once and take effect once. Values are Avro in Confluent framing: a zero byte, the 4-byte id of the schema in ' +
        'the registry (subject `<topic>-value`), the Avro bytes. A schema reads all that earlier versions have written. ' +
        'Installations may put a prefix before all names (`TOPIC_PREFIX`).',
      license: { name: manifest.license },
    },
    defaultContentType: 'application/vnd.apache.avro',
    servers: {
      kafka: {
        host: '{brokers}',
        protocol: 'kafka',
        description: 'The Kafka cluster.',
        variables: { brokers: { default: 'localhost:9092', description: '`KAFKA_BROKERS` of the installation.' } },
      },
    },
    channels: {
      ...Object.fromEntries(all.map(([key, topic]) => [key, describeChannel(topic, topic.schema, avroOf(topic).doc)])),
      ...Object.fromEntries(
        withLetters.map(({ key, topic, consumer }) => [
          letterKey(key, consumer),
          describeChannel(
            { ...deadLetterTopic(topic, consumer), schema: topic.schema },
            `${topic.schema}-dead-letter`,
            `Records of ${topic.name} that ${consumer} could not process, their bytes untouched.`,
          ),
        ]),
      ),
    },
    operations: Object.fromEntries(
      all.flatMap((one) => [
        ...one[1].producers.map((service) => describeOperation('send', service, one)),
        ...[...one[1].consumers, ...(one[1].tables ?? [])].map((service) => describeOperation('receive', service, one)),
      ]),
    ),
    components: {
      messages: Object.fromEntries(
        all.flatMap(([, topic]) => [
          [topic.schema, describeMessage(topic, {})],
          [`${topic.schema}-dead-letter`, describeMessage(topic, ofDeadLetters)],
        ]),
      ),
      schemas: Object.fromEntries(
        all.map(([, topic]) => [
          topic.schema,
          { schemaFormat: 'application/vnd.apache.avro;version=1.9.0', schema: avroOf(topic) },
        ]),
      ),
    },
  }
}

function avroOf({ schema }: Pick<Topic<unknown>, 'schema'>): Avro {
  return JSON.parse(readSchema(schema)) as Avro
}

function letterKey(key: string, consumer: Consumer): string {
  return `${key}.${consumer}.dlq`
}

function describeChannel(
  { name, key, schema, partitions, config }: Pick<Topic<unknown>, 'name' | 'key' | 'schema' | 'partitions' | 'config'>,
  message: string,
  summary: string,
): Json {
  const { 'cleanup.policy': policy, ...sizes } = config
  return {
    address: name,
    title: name,
    summary,
    description: `Records with the same key (${key}) are in one partition, and keep their order.`,
    messages: { [avroOf({ schema }).name]: { $ref: `#/components/messages/${message}` } },
    bindings: {
      kafka: {
        topic: name,
        partitions,
        topicConfiguration: {
          'cleanup.policy': [policy],
          ...Object.fromEntries(Object.entries(sizes).map(([setting, value]) => [setting, Number(value)])),
        },
        bindingVersion: '0.5.0',
      },
    },
  }
}

function describeMessage(topic: Topic<unknown>, more: Json): Json {
  const { name, doc } = avroOf(topic)
  return {
    name,
    title: name,
    summary: doc,
    contentType: 'application/vnd.apache.avro',
    headers: {
      type: 'object',
      required: ['event_id', 'traceparent'],
      properties: { ...shared, ...mapValues(topic.headers ?? {}, text), ...more },
    },
    payload: { $ref: `#/components/schemas/${topic.schema}` },
    bindings: {
      kafka: {
        key: { type: 'string', description: `UTF-8 text: ${topic.key}.` },
        schemaIdLocation: 'payload',
        schemaIdPayloadEncoding: 'confluent',
        schemaLookupStrategy: 'TopicNameStrategy',
        bindingVersion: '0.5.0',
      },
    },
  }
}

function describeOperation(action: 'send' | 'receive', service: string, [key, topic]: Named): [string, Json] {
  const isTable = action === 'receive' && !(topic.consumers as readonly string[]).includes(service)
  return [
    `${service}.${action}.${key}`,
    {
      action,
      title: `${service} ${action}s ${topic.name}`,
      ...(isTable && { description: 'Each process reads all records, from the beginning, and keeps them in memory.' }),
      channel: { $ref: `#/channels/${key}` },
      messages: [{ $ref: `#/channels/${key}/messages/${avroOf(topic).name}` }],
      tags: [{ name: service }],
      ...(action === 'receive' &&
        !isTable && {
          bindings: { kafka: { groupId: { type: 'string', enum: [service] }, bindingVersion: '0.5.0' } },
        }),
    },
  ]
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]))
}
