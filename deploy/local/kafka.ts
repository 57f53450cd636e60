import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Settings } from './config.ts'
import { isReady, offsetsPartitions } from './kafka-ready.ts'
import type { Program } from './processes.ts'

/** One Kafka node that is its own controller. Records, topics and group offsets survive a restart. */
export function kafkaProgram({ dir, ports }: Settings, servers: string): Program {
  const home = join(dir, 'kafka')
  const properties = join(home, 'server.properties')
  const java = javaOptions(servers, '512m')
  return {
    name: 'kafka',
    command: 'java',
    args: [...java, 'kafka.Kafka', properties],
    async prepare() {
      mkdirSync(home, { recursive: true })
      writeFileSync(properties, renderNode(join(home, 'data'), ports.kafka, ports['kafka-controller']))
      if (existsSync(join(home, 'data', 'meta.properties'))) return
      const clusterId = randomBytes(16).toString('base64url')
      const format = ['format', '--ignore-formatted', `--cluster-id=${clusterId}`, '--config', properties]
      await promisify(execFile)('java', [...java, 'kafka.tools.StorageTool', ...format])
    },
    isHealthy: () => isReady(ports.kafka),
    stopSignal: 'SIGTERM',
  }
}

/** What Java needs to run a class of Kafka. */
export function javaOptions(servers: string, heap: string): string[] {
  const log4j = join(import.meta.dirname, 'log4j2.properties')
  return [
    ...[`-Xmx${heap}`, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', `-Dlog4j2.configurationFile=${log4j}`],
    ...['-cp', join(servers, 'kafka', '*')],
  ]
}

/** The settings of our single node that do not depend on where it runs, named as in Kafka's server.properties. */
export const nodeProperties = {
  'process.roles': 'broker,controller',
  'node.id': 1,
  'controller.listener.names': 'CONTROLLER',
  // A node that was killed is refused until its former session has ended, 9 s by default.
  'broker.session.timeout.ms': 3000,
  'broker.heartbeat.interval.ms': 500,
  'auto.create.topics.enable': false,
  'message.max.bytes': 16 * 1024 * 1024,
  'group.initial.rebalance.delay.ms': 0,
  'offsets.topic.replication.factor': 1,
  'offsets.topic.num.partitions': offsetsPartitions,
  // Longer than any topic keeps its records: a stack that was down for weeks resumes where it stopped.
  'offsets.retention.minutes': 60 * 24 * 35,
  'transaction.state.log.replication.factor': 1,
  'transaction.state.log.min.isr': 1,
  'share.coordinator.state.topic.replication.factor': 1,
  'share.coordinator.state.topic.min.isr': 1,
  'log.cleaner.dedupe.buffer.size': 16 * 1024 * 1024,
  'num.network.threads': 2,
  'num.io.threads': 4,
}

function renderNode(dataDir: string, port: number, controllerPort: number): string {
  return renderProperties({
    ...nodeProperties,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'log.dirs': dataDir,
  })
}

/** The text of Kafka's server.properties. */
export function renderProperties(properties: Record<string, string | number | boolean>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${String(value).replaceAll('\\', '\\\\')}\n`)
    .join('')
}
