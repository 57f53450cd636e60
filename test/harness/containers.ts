import { once } from 'node:events'
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GenericContainer, getContainerRuntimeClient, getReaper, ImageName, Wait } from 'testcontainers'
import type { StartedTestContainer } from 'testcontainers'
import { parse } from 'yaml'
import { readSettings, root, type Settings } from '../../deploy/local/config.ts'
import { nodeProperties } from '../../deploy/local/kafka.ts'
import { isReady } from '../../deploy/local/kafka-ready.ts'
import { localeOptions, withClient } from '../../deploy/local/postgres.ts'
import { answers } from '../../deploy/local/processes.ts'
import { waitFor } from './wait-for.ts'

type Server = {
  name: string
  image: string
  /** Where it listens in its container, and on this machine. */
  port: { container: number; host: number }
  env?: Record<string, string>
  command?: string[]
  isReady(): Promise<boolean>
}

/**
 * Starts Kafka, the registry, Postgres and Firestore from containers, on the ports that the stack in `dir` keeps, and
 * resolves when all of them answer. Their logs are in `dir`. The returned function removes them.
 */
export async function startContainers(dir: string): Promise<() => Promise<void>> {
  const servers = listServers(await readSettings(dir, true))
  await requireImages(servers.map(({ image }) => image))
  const logDir = join(dir, 'log')
  mkdirSync(logDir, { recursive: true })
  const started: StartedTestContainer[] = []
  const stop = async () => void (await Promise.all(started.map((container) => container.stop())))
  const results = await Promise.allSettled(
    servers.map(async (server) => {
      const log = join(logDir, `${server.name}.log`)
      const container = await startContainer(server, log)
      started.push(container)
      await waitUntilReady(server, container, log)
    }),
  )
  const failed = results.find((result) => result.status === 'rejected')
  if (!failed) return stop
  await stop()
  throw failed.reason
}

/** The images are those of docker-compose.yml. The registry keeps its schemas in memory, so it needs no Kafka. */
function listServers({ ports, secrets }: Settings): Server[] {
  const compose = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
    services: Record<string, { image: string }>
  }
  const imageOf = (name: string) => {
    const image = compose.services[name]?.image
    if (!image) throw new Error(`docker-compose.yml names no image of ${name}`)
    return image
  }
  const registryUrl = `http://127.0.0.1:${ports.registry}/apis/ccompat/v7/subjects`
  return [
    {
      name: 'kafka',
      image: imageOf('kafka'),
      port: { container: 9092, host: ports.kafka },
      env: kafkaEnv(ports.kafka),
      isReady: () => isReady(ports.kafka),
    },
    {
      name: 'registry',
      image: imageOf('registry').replace('-kafkasql:', '-mem:'),
      port: { container: 8080, host: ports.registry },
      env: { QUARKUS_HTTP_PORT: '8080' },
      isReady: () => answers(registryUrl),
    },
    {
      name: 'postgres',
      image: imageOf('postgres'),
      port: { container: 5432, host: ports.postgres },
      env: { POSTGRES_PASSWORD: secrets.postgresPassword, POSTGRES_INITDB_ARGS: localeOptions.join(' '), TZ: 'UTC' },
      command: ['postgres', '-c', 'max_connections=200', '-c', 'timezone=UTC'],
      isReady: () => withClient(ports.postgres, secrets.postgresPassword, 'postgres', async () => true),
    },
    {
      name: 'firestore',
      image: imageOf('firestore'),
      port: { container: 8085, host: ports.firestore },
      command: ['gcloud', 'emulators', 'firestore', 'start', '--host-port=0.0.0.0:8085'],
      isReady: () => answers(`http://127.0.0.1:${ports.firestore}`),
    },
  ]
}

/** The image reads `KAFKA_A_B` as the property `a.b`. */
function kafkaEnv(port: number): Record<string, string> {
  const properties = {
    ...nodeProperties,
    'controller.quorum.voters': '1@127.0.0.1:9093',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    listeners: 'PLAINTEXT://0.0.0.0:9092,CONTROLLER://0.0.0.0:9093',
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'log.dirs': '/tmp/kafka',
  }
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [
      `KAFKA_${name.toUpperCase().replaceAll('.', '_')}`,
      String(value),
    ]),
  )
}

/** Throws when there is no engine, or an image is neither there nor can be pulled. Names all of those at once. */
async function requireImages(images: string[]): Promise<void> {
  const client = await getContainerRuntimeClient().catch((error: unknown) => {
    throw new Error('TEST_STACK=docker needs a container engine: start one, or name its socket in DOCKER_HOST.', {
      cause: error,
    })
  })
  const describe = (what: string) => (error: unknown) =>
    `${what}: ${error instanceof Error ? error.message.trim() : String(error)}`
  const attempts = images.map((image) =>
    client.image.pull(ImageName.fromString(image)).then(() => null, describe(image)),
  )
  // The container with which testcontainers removes what a killed run leaves.
  attempts.push(getReaper(client).then(() => null, describe('ryuk (TESTCONTAINERS_RYUK_DISABLED=true does without)')))
  const missing = (await Promise.all(attempts)).filter((attempt) => attempt !== null)
  if (missing.length === 0) return
  throw new Error(
    [
      'TEST_STACK=docker lacks images, and they cannot be pulled:',
      ...missing.map((text) => `  ${text}`),
      'Bring them here (docker save on a machine that has them, docker load on this one), or run without TEST_STACK:',
      'then the tests start their servers without containers.',
    ].join('\n'),
  )
}

async function startContainer(server: Server, logFile: string): Promise<StartedTestContainer> {
  const log = createWriteStream(logFile)
  await once(log, 'open')
  const container = new GenericContainer(server.image)
    .withExposedPorts(server.port)
    .withEnvironment(server.env ?? {})
    .withLogConsumer((stream) => stream.pipe(log))
    // Each server is asked in its own protocol, see `isReady`.
    .withWaitStrategy(Wait.forAll([]))
  return (server.command ? container.withCommand(server.command) : container).start()
}

async function waitUntilReady({ name, isReady }: Server, container: StartedTestContainer, log: string): Promise<void> {
  const { container: client } = await getContainerRuntimeClient()
  const isRunning = async () => (await client.inspect(client.getById(container.getId()))).State.Running
  const check = async () => ((await isRunning()) ? (await isReady()) && 'ready' : 'ended')
  const state = await waitFor(`${name} in its container`, check, 120_000).catch((error: Error) => error.message)
  if (state === 'ready') return
  const end = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-8).join('\n')
  throw new Error(`${name}: ${state === 'ended' ? 'its container ended' : state}; its log ends with\n${end}`)
}
