import {
  type Admin,
  type Consumer,
  type ConsumerRunConfig,
  type Kafka,
  type KafkaConfig,
  logLevel,
  type SASLOptions,
} from 'kafkajs'
import { orAfter } from '../calls/deadline.ts'
import { classify } from '../calls/retry.ts'
import type { KafkaSettings } from '../process/settings.ts'
import type { Log } from '../process/log.ts'
import type { ServiceContext } from '../process/service.ts'
import '../kafkajs/mends.ts'
import { PromptKafka } from './silence.ts'

/** Session of readers that are alone in their group: nobody waits for their partitions. */
export const readerSessionMs = 10_000

/**
 * How old what a producer or consumer knows of topics may be: for this long they do not see new partitions. (kafkajs' own
 * default is five minutes.)
 */
export const metadataMaxAgeMs = 30_000

/** How long a consumer rests after an error before it begins anew. */
const restMs = 1000

const leaveMs = 3000

/** Of one connection or question of the probe. */
const probeMs = 1000

const levels = {
  [logLevel.ERROR]: 'error',
  [logLevel.WARN]: 'warn',
  [logLevel.INFO]: 'debug',
  [logLevel.DEBUG]: 'trace',
} as const

/** A Kafka client that logs to `log` and has deadlines on every call. Connects when first used. */
export function createKafka(
  settings: KafkaSettings,
  clientId: string,
  log: Log,
  options: Pick<KafkaConfig, 'requestTimeout' | 'connectionTimeout' | 'retry'> = {},
): Kafka {
  return new PromptKafka({
    clientId,
    brokers: settings.KAFKA_BROKERS,
    ssl: settings.KAFKA_SSL ? { ca: settings.KAFKA_SSL_CA ? [settings.KAFKA_SSL_CA] : undefined } : false,
    sasl: readSasl(settings),
    connectionTimeout: 5000,
    authenticationTimeout: 5000,
    requestTimeout: 30_000,
    retry: { initialRetryTime: 200, maxRetryTime: 2000, retries: 5 },
    ...options,
    logLevel: logLevel.INFO,
    logCreator:
      () =>
      ({ level, log: { message, timestamp: _, logger: __, ...fields } }) =>
        log[isRebalance(fields) ? 'debug' : (levels[level as keyof typeof levels] ?? 'debug')](
          { client: 'kafkajs', detail: message, ...fields },
          'kafka_client',
        ),
  })
}

/**
 * Resolves when a broker answers, rejects when none does. Logs nothing. Asks over a connection that it keeps until a
 * broker does not answer.
 */
export function createBrokerProbe(
  settings: KafkaSettings,
  { name, log, scope }: Pick<ServiceContext, 'name' | 'log' | 'scope'>,
): () => Promise<void> {
  const retry = { initialRetryTime: 50, retries: settings.KAFKA_BROKERS.length }
  const options = { connectionTimeout: probeMs, requestTimeout: probeMs, retry }
  const kafka = createKafka(settings, `${name}-probe`, log.child({}, { level: 'silent' }), options)
  let admin: Admin | null = null
  const leave = () => void admin?.disconnect().catch(() => undefined)
  scope.defer(leave)
  return async () => {
    try {
      if (!admin) await (admin = kafka.admin()).connect()
      await admin.describeCluster()
    } catch (error) {
      leave()
      admin = null
      throw error
    }
  }
}

/**
 * Connects a consumer to all of `topics` (names in the cluster). When it fails, nothing of the connection is left: kafkajs
 * goes on to use one that was accepted, and on which the broker then said nothing.
 */
export async function connectConsumer(consumer: Consumer, topics: string[]): Promise<void> {
  try {
    await consumer.connect()
    await consumer.subscribe({ topics, fromBeginning: true })
  } catch (error) {
    // It may wait for answers that never come.
    await orAfter(consumer.disconnect(), leaveMs, () => undefined).catch(() => undefined)
    throw error
  }
}

/**
 * Runs a connected consumer. Resolves when it has joined its group, or begins anew. It also begins anew after those errors
 * that pass and for which kafkajs would end it; others end the service.
 */
export async function runConsumer(
  consumer: Consumer,
  { stopping, fail }: { stopping: AbortSignal; fail(error: unknown): void },
  config: ConsumerRunConfig,
): Promise<void> {
  const beginAnew = () => {
    if (!stopping.aborted) consumer.run(config).catch(fail)
  }
  consumer.on('consumer.crash', ({ payload: { error, restart } }) => {
    if (restart || stopping.aborted) return
    if (classify(error) === 'transient') setTimeout(beginAnew, restMs)
    else fail(error)
  })
  await consumer.run(config)
}

/**
 * Calls `onSign` when the client library shows that it is at work for a consumer, though nothing may come of it: it has
 * joined its group or does so again, a broker has not answered in time, or it has failed and begins anew. While no broker
 * answers there is a sign at least once a minute.
 */
export function onSignOfLife(consumer: Consumer, onSign: () => void): void {
  consumer.on('consumer.group_join', onSign)
  consumer.on('consumer.rebalancing', onSign)
  consumer.on('consumer.crash', onSign)
  consumer.on('consumer.network.request_timeout', onSign)
}

/** Members that come and go are everyday life of a group, which kafkajs calls an error. */
function isRebalance({ error }: Record<string, unknown>): boolean {
  return error === 'The group is rebalancing, so a rejoin is needed'
}

/** The name a topic or consumer group has in this installation's cluster. */
export function prefixed({ TOPIC_PREFIX }: Pick<KafkaSettings, 'TOPIC_PREFIX'>, name: string): string {
  return TOPIC_PREFIX + name
}

function readSasl(settings: KafkaSettings): SASLOptions | undefined {
  const {
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: username = '',
    KAFKA_SASL_PASSWORD: password = '',
  } = settings
  return mechanism ? ({ mechanism, username, password } as SASLOptions) : undefined
}
