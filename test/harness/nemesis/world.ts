import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { services as serviceNames, type ServiceName } from '../../../deploy/local/config.ts'
import { onCleanup } from '../cleanup.ts'
import type { Installation } from '../installation.ts'
import { kafkaWire, plain, type Proxy, startProxy } from '../proxy.ts'
import { asRole } from '../roles.ts'
import { superviseService } from '../supervised.ts'
import { startSystem, type System } from '../system.ts'
import { findLibfaketime } from './faketime.ts'
import { map } from './load.ts'
import { linksOf, type LinkedServer } from './plan.ts'

export type World = System & {
  /** The proxies between services and servers, by `<service> to <server>`. */
  links: Map<string, Proxy>
  /** The environment of one process more of a service. */
  envOf(name: ServiceName): NodeJS.ProcessEnv
  /** Moves the clock of the one process that has its own, by this many seconds from the machine's. */
  setClock(seconds: number): void
}

/** What is resumed within seconds, so that a run can ask for its recovery within a minute. */
const quick: NodeJS.ProcessEnv = {
  SESSION_TIMEOUT_MS: '6000',
  DATABASE_QUERY_TIMEOUT_MS: '20000',
  SEND_TIMEOUT_MS: '5000',
  LEASE_MS: '8000',
  SLACK_INTERVAL_MS: '0',
  // So many fit: a message only counts further news items, and a run looks for each.
  MAX_LINES: '40',
}

const variables: Record<LinkedServer, string> = {
  kafka: 'KAFKA_BROKERS',
  registry: 'SCHEMA_REGISTRY_URL',
  postgres: 'DATABASE_URL',
  firestore: 'FIRESTORE_EMULATOR_HOST',
  smtp: 'SMTP_URL',
  slack: 'SLACK_API_URL',
}

/** The whole system with a proxy between each service and each server. `clockOf`: the service with a clock of its own. */
export async function startWorld(companies: number, clockOf: ServiceName | null): Promise<World> {
  const links = new Map<string, Proxy>()
  const own = new Map<ServiceName, NodeJS.ProcessEnv>()
  const clock = clockOf === null ? null : makeClock()
  const system = await startSystem({
    map,
    companies,
    env: quick,
    async envOf(name, installation) {
      const linked = asRole(name, await linkService(name, installation, links))
      own.set(name, linked)
      return name === clockOf ? { ...linked, ...clock?.env } : linked
    },
  })
  // What a person's rule finds is always told.
  await system.parma('rules', 'add', '--name', 'each phase', '--measurement', 'phase', '--changed')
  const envOf = (name: ServiceName) => asRole(name, { ...system.env, ...quick, ...own.get(name) })
  // As in production: clients reach another edge while one restarts. They share their connections' faults.
  system.edgeUrls.push((await superviseService('edge', envOf('edge'))).url)
  return {
    ...system,
    links,
    envOf,
    setClock: (seconds) => clock?.set(seconds),
  }
}

export const allServices: readonly ServiceName[] = serviceNames

async function linkService(
  name: ServiceName,
  { env }: Installation,
  links: Map<string, Proxy>,
): Promise<NodeJS.ProcessEnv> {
  const linked = linksOf[name].map(async (server) => {
    const variable = variables[server]
    const address = env[variable] ?? ''
    const host = address.includes('://') ? new URL(address).host : address
    const proxy = await startProxy(host, server === 'kafka' ? kafkaWire(host) : plain)
    links.set(`${name} to ${server}`, proxy)
    return [variable, address.replace(host, proxy.address)] as const
  })
  return Object.fromEntries(await Promise.all(linked))
}

function makeClock(): { env: NodeJS.ProcessEnv; set(seconds: number): void } {
  const folder = mkdtempSync(join(tmpdir(), 'parma-clock-'))
  onCleanup(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'offset')
  const set = (seconds: number) => writeFileSync(file, `${seconds < 0 ? '' : '+'}${seconds}\n`)
  set(0)
  return {
    set,
    env: {
      LD_PRELOAD: findLibfaketime(),
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
  }
}
