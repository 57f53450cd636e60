// `make image-test`: builds the image, and starts each service from it as the chart says, beside a local stack of its own.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { render } from '../../deploy/helm/render.ts'
import { services } from '../../deploy/local/config.ts'
import { findFreePort } from '../../deploy/local/free-port.ts'
import { answers } from '../../deploy/local/processes.ts'
import { createProgress } from '../../deploy/local/progress.ts'
import { serviceEnv } from '../../deploy/local/servers.ts'
import { type Stack, startStack } from '../../deploy/local/stack.ts'
import { listMissingForDebian } from '../harness/debian-packages.ts'
import { waitFor } from '../harness/wait-for.ts'
import { buildImage } from './builder.ts'
import { type Engine, startEngine } from './engine.ts'
import { type Pod, readPod, readProcess, startPod } from './run-pod.ts'

const missing = listMissingForDebian()
if (missing.length > 0) {
  console.error(
    `make image-test needs ${missing.join(', ')}: it builds with buildah and runs with dockerd, from Debian's packages.`,
  )
  process.exit(1)
}
const { say } = createProgress(process.stderr, () => performance.now())
const secretKeys = ['DATABASE_URL', 'PARMA_SHARED_SECRET_KEY', 'PARMA_ANALYTICS_SECRET_KEY', 'LINK_SECRET', 'SMTP_URL']
const settingKeys = [
  ...['KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL', 'FIRESTORE_PROJECT', 'FIRESTORE_EMULATOR_HOST', 'PUBLIC_URL'],
  ...['SLACK_API_URL', 'DEPLOYMENT_ENV', 'METADATA_SERVER_DETECTION'],
]

try {
  await main()
} catch (error) {
  // The first one is the cause; others came while all was stopped.
  const errors = error instanceof SuppressedError ? [error.suppressed, error.error] : [error]
  for (const one of errors) console.error(one instanceof Error ? one.message : one)
  process.exitCode = 1
}

async function main(): Promise<void> {
  await using scope = new AsyncDisposableStack()
  const dir = mkdtempSync(join(tmpdir(), 'parma-image-'))
  scope.defer(() => rmSync(dir, { recursive: true, force: true }))
  const archive = join(dir, 'image.tar')
  const image = await buildImage(dir, archive, say)
  say('starting an engine and a local stack ...')
  const engine = scope.use(await startEngine(dir))
  await engine.docker('load', '--quiet', '--input', archive)
  rmSync(archive)
  const ofStack = { ports: 'free', services: [], setup: ['public-schema'], withParent: true, temporary: true } as const
  const stack = await startStack({ dir: join(dir, 'stack'), ...ofStack })
  scope.defer(() => stack.remove())

  const pods = readPods(stack, dir)
  say('running the setup step ...')
  await startPod(engine, image, pods.get('setup')!, {})
  await expectToEnd(engine, 'setup')
  say('starting all services ...')
  for (const name of services) {
    const [health, http] = [await findFreePort(), await findFreePort()]
    const ports = { HEALTH_PORT: String(health), EDGE_PORT: String(http) }
    await startPod(engine, image, pods.get(name)!, { ...ports, HEALTH_HOST: '127.0.0.1', EDGE_HOST: '127.0.0.1' })
    await waitUntilReady(engine, name, health)
    say(`${name} is ready`)
  }
  const size = await engine.docker('image', 'inspect', '--format={{.Size}}', image)
  console.log(`image ${(Number(size) / 1e6).toFixed(0)} MB`)
  for (const name of services) console.log(await examine(engine, pods.get(name)!))
  say('stopping all services ...')
  for (const name of services) {
    await engine.docker('stop', '--time=40', name)
    await expectToEnd(engine, name)
  }
}

/** The pods of the chart, by service, with the addresses and secrets of a local stack. */
function readPods(stack: Stack, dir: string): Map<string, Pod> {
  const env = serviceEnv(stack.env()) as Record<string, string>
  const pick = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, env[name] ?? '']))
  const settings = { ...pick(settingKeys), EMAIL_FROM: 'parma@example.com', ALLOWED_PRIVATE_NETWORKS: '127.0.0.0/8' }
  const values = [`--set-json=settings=${JSON.stringify(settings)}`, '--set=kafka.replicas=1']
  const files = join(dir, 'secrets')
  mkdirSync(files)
  const pods = render('parma-analytics', 'minimal', ...values)
    .filter(({ kind }) => kind === 'Job' || kind === 'Deployment')
    .map((manifest) => readPod(manifest, pick(secretKeys), files))
  return new Map(pods.map((pod) => [pod.name, pod]))
}

async function waitUntilReady({ docker }: Engine, name: string, port: number): Promise<void> {
  const readLog = () => docker('logs', '--tail=20', name)
  const hasEnded = async () => (await docker('inspect', '--format={{.State.Running}}', name)) !== 'true'
  const isReady = () => answers(`http://127.0.0.1:${port}/readyz`)
  await waitFor(`${name} to be ready`, async () => (await isReady()) || hasEnded(), 300_000, 500).catch(
    async (error: Error) => {
      throw new Error(`${error.message}\n${await readLog()}`, { cause: error })
    },
  )
  if (await hasEnded()) throw new Error(`${name} ended:\n${await readLog()}`)
}

/** A line about what a service uses of what its manifest allows. Throws when it may more than it should. */
async function examine(engine: Engine, { name, memory }: Pod): Promise<string> {
  const found = await readProcess(engine, name)
  if (found.uid !== 1000 || found.hasCapabilities || found.mayGainPrivileges)
    throw new Error(`${name} may more than it should: ${JSON.stringify(found)}`)
  const write = await engine.docker('exec', name, 'sh', '-c', 'touch /app/x 2>&1 || true')
  if (!write.includes('Read-only file system')) throw new Error(`${name} may write into its image: ${write}`)
  const [now, most] = [found.mebibytes, found.mostMebibytes].map((size) => size.toFixed(0))
  return `${name.padEnd(11)} ready, ${now} MiB resident of ${memory} (at most ${most})`
}

async function expectToEnd({ docker }: Engine, name: string): Promise<void> {
  const code = await docker('wait', name)
  if (code !== '0') throw new Error(`${name} ended with ${code}:\n${await docker('logs', '--tail=20', name)}`)
}
