import { join } from 'node:path'
import { firestorePrograms } from './firestore.ts'
import { inheritedEnv, type ProgramName, type Settings } from './config.ts'
import { kafkaProgram } from './kafka.ts'
import { clusterOf, clusterPrograms, loginEnv } from './kafka-cluster.ts'
import { youngFlag } from '../service-values.ts'
import { postgresProgram } from './postgres.ts'
import { accepts, answers, type Program } from './processes.ts'
import { registryProgram } from './registry.ts'
import type { StackEnv } from './stack-env.ts'

/** Kafka, the registry, Postgres and Firestore. `javaServers` is the folder that `fetchJavaServers` returned. */
export function serverPrograms(settings: Settings, javaServers: string): Program[] {
  return [
    ...(settings.brokers === 3
      ? clusterPrograms(clusterOf(settings, javaServers))
      : [kafkaProgram(settings, javaServers)]),
    registryProgram(settings, javaServers),
    postgresProgram(settings),
    ...firestorePrograms(settings),
  ]
}

/** The stand-ins of a mail server and of Slack. */
export function standInPrograms(settings: Settings): Program[] {
  return [smtpSinkProgram(settings), slackStubProgram(settings)]
}

function smtpSinkProgram({ dir, ports }: Settings): Program {
  return {
    ...nodeScript('smtp-sink', [join(dir, 'mails.ndjson'), String(ports.smtp), String(ports.mailbox)]),
    // Other answers hold all mails: to read thousands of them every second leaves it no time for new ones.
    isHealthy: async () => (await answers(`http://127.0.0.1:${ports.mailbox}/livez`)) && (await accepts(ports.smtp)),
  }
}

function slackStubProgram({ dir, ports }: Settings): Program {
  return {
    ...nodeScript('slack-stub', [join(dir, 'slack-posts.ndjson'), String(ports.slack)]),
    isHealthy: () => answers(`http://127.0.0.1:${ports.slack}/livez`),
  }
}

/** `node services/<name>/main.ts`, with its whole configuration in the environment. */
export function serviceProgram(name: ProgramName, settings: Settings, stackEnv: StackEnv): Program {
  const { root, ports, cache } = settings
  const login = settings.brokers === 3 ? loginEnv(clusterOf(settings, ''), name) : {}
  const healthPort = ports[`${name}-health`]
  const own: NodeJS.ProcessEnv =
    name === 'miner-npm'
      ? {
          ANALYTICS_BASE_URL: stackEnv.EDGE_URL,
          MINER_PORT: String(ports['miner-npm']),
          MINER_CACHE_DIR: inheritedEnv.MINER_CACHE_DIR ?? join(cache, 'npm-view'),
        }
      : { EDGE_PORT: String(ports.edge) }
  return {
    name,
    command: process.execPath,
    args: [youngFlag, join(root, 'services', name, 'main.ts')],
    cwd: root,
    env: { ...serviceEnv(stackEnv), ...login, ...own, HEALTH_PORT: String(healthPort) },
    isHealthy: () => answers(`http://127.0.0.1:${healthPort}/readyz`),
    stopSignal: 'SIGTERM',
  }
}

/** The environment of our processes: `base`, overridden by the addresses and secrets of a stack. */
export function serviceEnv(stackEnv: StackEnv, base: NodeJS.ProcessEnv = inheritedEnv): NodeJS.ProcessEnv {
  return {
    // On a large machine V8 lets garbage grow to 128 MiB before it collects. And kafkajs gives a timer a time that has passed,
    // which does no harm (https://github.com/tulios/kafkajs/issues/1751).
    NODE_OPTIONS: '--max-semi-space-size=8',
    ...base,
    ...stackEnv,
    DEPLOYMENT_ENV: 'local',
    HEALTH_HOST: '127.0.0.1',
    EDGE_HOST: '127.0.0.1',
    MINER_HOST: '127.0.0.1',
    // A stack that somebody tries, at whatever hour, tells everything at once.
    ALERT_IMPORTANCE: '0',
    ALERTS_PER_DAY: '0',
    ALERT_QUIET_HOURS: 'off',
    // Mining modules of a local installation live on this machine.
    ALLOWED_PRIVATE_NETWORKS: '127.0.0.0/8,::1/128',
    // Otherwise Firestore's client spends seconds looking for Google's metadata server.
    METADATA_SERVER_DETECTION: 'none',
  }
}

function nodeScript(name: string, args: string[]): Omit<Program, 'isHealthy'> {
  const script = join(import.meta.dirname, 'stand-ins', `${name}.ts`)
  return { name, command: process.execPath, args: [script, ...args], stopSignal: 'SIGTERM' }
}
