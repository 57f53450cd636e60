import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { findFreePort, isFree, keptPorts } from './free-port.ts'
import { writeWholeFile } from './whole-file.ts'

/** The six services of the system; the stack runs one process of each. */
export const services = ['edge', 'raw-sink', 'normalizer', 'analyzer', 'notifier', 'scheduler'] as const
export type ServiceName = (typeof services)[number]

/** Our own processes in a stack: the services and the example mining module. */
export const programs = [...services, 'miner-npm'] as const
export type ProgramName = (typeof programs)[number]

/** Every port of the stack, with its default and the environment variable that moves it. All are on 127.0.0.1 only. */
export const portTable = {
  edge: { setting: 'PARMA_EDGE_PORT', port: 24080 },
  kafka: { setting: 'PARMA_KAFKA_PORT', port: 24092 },
  'kafka-controller': { setting: 'PARMA_KAFKA_CONTROLLER_PORT', port: 24093 },
  'kafka-2': { setting: 'PARMA_KAFKA_2_PORT', port: 24094 },
  'kafka-2-controller': { setting: 'PARMA_KAFKA_2_CONTROLLER_PORT', port: 24095 },
  'kafka-3': { setting: 'PARMA_KAFKA_3_PORT', port: 24096 },
  'kafka-3-controller': { setting: 'PARMA_KAFKA_3_CONTROLLER_PORT', port: 24097 },
  registry: { setting: 'PARMA_REGISTRY_PORT', port: 24081 },
  postgres: { setting: 'PARMA_POSTGRES_PORT', port: 24432 },
  firestore: { setting: 'PARMA_FIRESTORE_PORT', port: 24085 },
  'firestore-emulator': { setting: 'PARMA_FIRESTORE_EMULATOR_PORT', port: 24086 },
  smtp: { setting: 'PARMA_SMTP_PORT', port: 24025 },
  mailbox: { setting: 'PARMA_MAILBOX_PORT', port: 24026 },
  slack: { setting: 'PARMA_SLACK_PORT', port: 24027 },
  'edge-health': { setting: 'PARMA_EDGE_HEALTH_PORT', port: 24101 },
  'raw-sink-health': { setting: 'PARMA_RAW_SINK_HEALTH_PORT', port: 24102 },
  'normalizer-health': { setting: 'PARMA_NORMALIZER_HEALTH_PORT', port: 24103 },
  'analyzer-health': { setting: 'PARMA_ANALYZER_HEALTH_PORT', port: 24104 },
  'notifier-health': { setting: 'PARMA_NOTIFIER_HEALTH_PORT', port: 24105 },
  'scheduler-health': { setting: 'PARMA_SCHEDULER_HEALTH_PORT', port: 24106 },
  'miner-npm-health': { setting: 'PARMA_MINER_NPM_HEALTH_PORT', port: 24107 },
  'miner-npm': { setting: 'PARMA_MINER_NPM_PORT', port: 24200 },
} as const
export type PortName = keyof typeof portTable
/** Ports of the servers that containers can run instead. */
export const serverPorts: readonly PortName[] = ['kafka', 'kafka-controller', 'registry', 'postgres', 'firestore']
export type Ports = Record<PortName, number>

/** The environment of this process. The processes that it starts inherit it. */
export const inheritedEnv: NodeJS.ProcessEnv = process.env

type Secrets = { postgresPassword: string; sharedSecret: string; analyticsSecret: string }

export type Settings = {
  /** The repository. */
  root: string
  /** Where data, logs, secrets and stack.env of this stack live. */
  dir: string
  /** Downloaded servers, shared by all stacks of a clone (PARMA_CACHE_DIR). */
  cache: string
  /** Which Firestore emulator to run (PARMA_FIRESTORE_EMULATOR): Google's where found, else npm's. */
  firestoreEmulator: 'auto' | 'google' | 'npm'
  /** One node without logins, or three with TLS, logins and ACLs (PARMA_BROKERS). */
  brokers: 1 | 3
  ports: Ports
  secrets: Secrets
  firestoreProject: string
}

/** The folder of the one stack that `make up` starts. */
export const root = resolve(import.meta.dirname, '../..')
export const defaultDir = join(root, '.local')

/**
 * Settings of the stack in `dir`, with secrets made on first use and kept (mode 0600).
 * `freePorts` picks free ports and keeps them, so that a restarted stack has the same addresses.
 */
export async function readSettings(dir: string, freePorts: boolean, env = inheritedEnv): Promise<Settings> {
  mkdirSync(dir, { recursive: true })
  const emulator = env.PARMA_FIRESTORE_EMULATOR ?? 'auto'
  if (emulator !== 'auto' && emulator !== 'google' && emulator !== 'npm')
    throw new Error(`PARMA_FIRESTORE_EMULATOR is ${emulator}, it can be auto, google or npm`)
  const brokers = env.PARMA_BROKERS ?? '1'
  if (brokers !== '1' && brokers !== '3') throw new Error(`PARMA_BROKERS is ${brokers}, it can be 1 or 3`)
  return {
    root,
    dir,
    cache: resolve(env.PARMA_CACHE_DIR ?? join(root, '.cache')),
    firestoreEmulator: emulator,
    brokers: brokers === '3' ? 3 : 1,
    ports: freePorts ? await keepFreePorts(join(dir, 'ports.json')) : readPorts(env),
    secrets: keepSecrets(join(dir, 'secrets.json')),
    firestoreProject: 'parma-local',
  }
}

/**
 * The ports of the table, moved by the environment. Throws one error that names every value that is no port, or is
 * taken twice.
 */
export function readPorts(env: NodeJS.ProcessEnv): Ports {
  const ports = {} as Ports
  const wrong: string[] = []
  for (const [name, { setting, port }] of Object.entries(portTable)) {
    const value = Number(env[setting] ?? port)
    if (!Number.isInteger(value) || value < 1 || value > 65535) wrong.push(`${setting}=${env[setting]}`)
    const twin = Object.entries(ports).find(([, other]) => other === value)?.[0]
    if (twin) wrong.push(`${setting}=${value} (the port of ${twin}, too)`)
    ports[name as PortName] = value
  }
  if (wrong.length > 0) throw new Error(`not a port between 1 and 65535 of its own: ${wrong.join(', ')}`)
  return ports
}

/**
 * The first port that another program listens on, with the setting that moves it; null when all but `except` are free.
 */
export async function findTakenPort(
  ports: Ports,
  except: readonly PortName[] = [],
): Promise<{ port: number; setting: string } | null> {
  for (const [name, { setting }] of Object.entries(portTable) as [PortName, { setting: string }][])
    if (!except.includes(name) && !(await isFree(ports[name]))) return { port: ports[name], setting }
  return null
}

/** While this file exists the process of that name stays down: to see how the others do without it. */
export function downFile(dir: string, name: string): string {
  return join(dir, `${name}.down`)
}

/** A short name for a stack's folder, the same in every run, for data that must lie outside the folder. */
export function nameOfDir(dir: string): string {
  return createHash('sha256').update(resolve(dir)).digest('hex').slice(0, 16)
}

async function keepFreePorts(file: string): Promise<Ports> {
  const ports = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Ports) : ({} as Ports)
  for (const name of Object.keys(portTable) as PortName[]) {
    while (ports[name] === undefined) {
      const port = await findFreePort(keptPorts)
      // The stack does not run: its own ports are free, too.
      if (!Object.values(ports).includes(port)) ports[name] = port
    }
  }
  writeWholeFile(file, JSON.stringify(ports, null, 2))
  return ports
}

function keepSecrets(file: string): Secrets {
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Secrets
  const random = () => randomBytes(36).toString('base64url')
  const secrets = { postgresPassword: random(), sharedSecret: random(), analyticsSecret: random() }
  writeWholeFile(file, JSON.stringify(secrets), 0o600)
  return secrets
}
