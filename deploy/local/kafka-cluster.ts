import { execFileSync, execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Kafka, logLevel } from 'kafkajs'
import type { Settings } from './config.ts'
import { javaOptions, nodeProperties, renderProperties } from './kafka.ts'
import { clusterAdmin, makePasswords } from './kafka-users.ts'
import { accepts, type Program } from './processes.ts'

export type ClusterSettings = {
  /** Where certificates and data lie. */
  dir: string
  /** The folder that `fetchJavaServers` returned. */
  servers: string
  /** Of each broker: where clients connect, and where controllers do. */
  ports: readonly { client: number; controller: number }[]
  /** Passwords of all users, of `clusterAdmin` too. */
  passwords: Readonly<Record<string, string>>
}

const mechanism = 'SCRAM-SHA-512'

/**
 * Kafka as in production, on this machine: each node a broker and a controller, TLS and SCRAM for clients, what is not
 * allowed to a user is refused, records on all nodes and acknowledged by at least two.
 */
export function clusterPrograms(settings: ClusterSettings): Program[] {
  const clusterId = randomBytes(16).toString('base64url')
  const voters = settings.ports.map(({ controller }, n) => `${n + 1}@127.0.0.1:${controller}`).join(',')
  makeCertificates(settings.dir)
  return settings.ports.map(({ client, controller }, n) => {
    const home = join(settings.dir, `kafka-${n + 1}`)
    const properties = join(home, 'server.properties')
    const java = javaOptions(settings.servers, '256m')
    return {
      name: n === 0 ? 'kafka' : `kafka-${n + 1}`,
      command: 'java',
      args: [...java, 'kafka.Kafka', properties],
      async prepare() {
        mkdirSync(home, { recursive: true })
        const text = renderProperties({
          ...nodeProperties,
          ...shared(settings.dir, settings.passwords[clusterAdmin] ?? ''),
          'node.id': n + 1,
          'controller.quorum.voters': voters,
          listeners: `CLIENT://127.0.0.1:${client},CONTROLLER://127.0.0.1:${controller}`,
          'advertised.listeners': `CLIENT://127.0.0.1:${client}`,
          'log.dirs': join(home, 'data'),
        })
        writeFileSync(properties, text, { mode: 0o600 })
        if (existsSync(join(home, 'data', 'meta.properties'))) return
        const users = Object.entries(settings.passwords).flatMap(([name, password]) => [
          '--add-scram',
          `${mechanism}=[name=${name},password=${password}]`,
        ])
        const format = ['format', '--ignore-formatted', `--cluster-id=${clusterId}`, '--config', properties, ...users]
        await promisify(execFile)('java', [...java, 'kafka.tools.StorageTool', ...format])
      },
      isHealthy: () => accepts(client),
      stopSignal: 'SIGTERM',
    }
  })
}

/** The cluster of a stack. */
export function clusterOf({ dir, ports, secrets }: Settings, servers: string): ClusterSettings {
  return {
    dir: join(dir, 'cluster'),
    servers,
    ports: [
      { client: ports.kafka, controller: ports['kafka-controller'] },
      { client: ports['kafka-2'], controller: ports['kafka-2-controller'] },
      { client: ports['kafka-3'], controller: ports['kafka-3-controller'] },
    ],
    passwords: makePasswords(secrets.sharedSecret),
  }
}

type Login = Pick<ClusterSettings, 'dir' | 'ports' | 'passwords'>

/** What this user needs in its environment. */
export function loginEnv({ dir, ports, passwords }: Login, user: string): Record<string, string> {
  return {
    KAFKA_BROKERS: addressesOf(ports).join(),
    KAFKA_SSL: 'true',
    KAFKA_SSL_CA_FILE: join(dir, 'tls', 'ca.pem'),
    KAFKA_SASL_MECHANISM: mechanism.toLowerCase(),
    KAFKA_SASL_USERNAME: user,
    KAFKA_SASL_PASSWORD: passwords[user] ?? '',
  }
}

/** A client that is logged in as this user. */
export function connectAs({ dir, ports, passwords }: Login, user: string): Kafka {
  return new Kafka({
    clientId: user,
    brokers: addressesOf(ports),
    ssl: { ca: [readFileSync(join(dir, 'tls', 'ca.pem'), 'utf8')] },
    sasl: { mechanism: 'scram-sha-512', username: user, password: passwords[user] ?? '' },
    logLevel: logLevel.NOTHING,
    retry: { retries: 2 },
  })
}

const addressesOf = (ports: ClusterSettings['ports']) => ports.map(({ client }) => `127.0.0.1:${client}`)

function shared(dir: string, password: string): Record<string, string | number | boolean> {
  const login = `org.apache.kafka.common.security.scram.ScramLoginModule required username="${clusterAdmin}" password="${password}";`
  return {
    'listener.security.protocol.map': 'CLIENT:SASL_SSL,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'CLIENT',
    'sasl.enabled.mechanisms': mechanism,
    'sasl.mechanism.inter.broker.protocol': mechanism,
    'listener.name.client.scram-sha-512.sasl.jaas.config': login,
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': join(dir, 'tls', 'broker.pem'),
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': join(dir, 'tls', 'ca.pem'),
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    // Controllers talk among themselves on loopback, without a login.
    'super.users': `User:${clusterAdmin};User:ANONYMOUS`,
    'allow.everyone.if.no.acl.found': false,
    'default.replication.factor': 3,
    'min.insync.replicas': 2,
    'offsets.topic.replication.factor': 3,
    'transaction.state.log.replication.factor': 3,
    'transaction.state.log.min.isr': 2,
    'share.coordinator.state.topic.replication.factor': 3,
    'share.coordinator.state.topic.min.isr': 2,
    'replica.lag.time.max.ms': 5000,
    'replica.socket.timeout.ms': 5000,
    'controller.quorum.election.timeout.ms': 1000,
    'controller.quorum.fetch.timeout.ms': 2000,
    'num.network.threads': 1,
    'num.io.threads': 2,
  }
}

/** An authority and a certificate of all brokers, for this machine only. */
function makeCertificates(dir: string): void {
  const tls = join(dir, 'tls')
  if (existsSync(join(tls, 'broker.pem'))) return
  mkdirSync(tls, { recursive: true, mode: 0o700 })
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: tls, stdio: 'pipe' })
  const key = ['-newkey', 'rsa:2048', '-nodes', '-days', '365']
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Local Kafka')
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key']
  openssl('req', '-x509', ...key, '-keyout', 'broker.key', '-out', 'broker.crt', ...names, ...signed)
  writeFileSync(
    join(tls, 'broker.pem'),
    ['broker.key', 'broker.crt'].map((name) => readFileSync(join(tls, name))).join('\n'),
    {
      mode: 0o600,
    },
  )
}
