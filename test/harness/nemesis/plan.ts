import { services, type ServiceName } from '../../../deploy/local/config.ts'
import { createRandom } from '../random.ts'
import type { Server } from '../outage.ts'

/** Servers that services reach through a proxy of their own. */
const linkedServers = ['kafka', 'registry', 'postgres', 'firestore', 'smtp', 'slack'] as const
export type LinkedServer = (typeof linkedServers)[number]

/** Which servers a service talks to. */
export const linksOf: Record<ServiceName, readonly LinkedServer[]> = {
  edge: ['kafka', 'registry', 'postgres', 'firestore'],
  'raw-sink': ['kafka', 'registry', 'firestore'],
  normalizer: ['kafka', 'registry', 'postgres', 'firestore'],
  analyzer: ['kafka', 'registry', 'postgres'],
  notifier: ['kafka', 'registry', 'postgres', 'firestore', 'smtp', 'slack'],
  scheduler: ['kafka', 'registry', 'postgres'],
}

/** Services of which one process more can join and leave. */
const scaled = ['normalizer', 'analyzer'] as const
const servers: readonly Server[] = ['kafka', 'registry', 'postgres', 'firestore']
/** The time of a payload is the edge's: a clock there that jumps back makes payloads late by design. */
const clocks = services.filter((name) => name !== 'edge')

const links = services.flatMap((service) => linksOf[service].map((server) => `${service} to ${server}`))
const everybody = linkedServers.map((server) => `everybody to ${server}`)
const linkTargets = [...links, ...everybody]

type Kind = { targets: readonly string[]; ms: readonly [least: number, most: number]; hits: 'own' | 'servers' }

/** Every kind of fault, what it can hit and how long. `servers` are hit for all who use them. */
export const kinds = {
  'connection cut': { targets: linkTargets, ms: [500, 5000], hits: 'own' },
  'connection half open': { targets: linkTargets, ms: [500, 5000], hits: 'own' },
  'connection slow': { targets: linkTargets, ms: [3000, 8000], hits: 'own' },
  'answers lost': { targets: linkTargets, ms: [300, 2000], hits: 'own' },
  'process killed': { targets: services, ms: [0, 0], hits: 'own' },
  'process stopped': { targets: services, ms: [0, 0], hits: 'own' },
  'process frozen': { targets: services, ms: [1000, 12_000], hits: 'own' },
  'clock ahead': { targets: ['clock'], ms: [5000, 15_000], hits: 'own' },
  'clock behind': { targets: ['clock'], ms: [5000, 15_000], hits: 'own' },
  'three replicas': { targets: scaled, ms: [12_000, 20_000], hits: 'own' },
  'rolling restart': { targets: ['all services'], ms: [0, 0], hits: 'own' },
  'records deleted': { targets: ['raw payloads'], ms: [0, 0], hits: 'own' },
  'server killed': { targets: servers, ms: [500, 5000], hits: 'servers' },
  'server frozen': { targets: servers, ms: [1000, 8000], hits: 'servers' },
  'disk full': { targets: ['kafka', 'postgres'], ms: [1000, 4000], hits: 'servers' },
} as const satisfies Record<string, Kind>
export type KindName = keyof typeof kinds

export const allKinds = Object.keys(kinds) as KindName[]
/** Those that hit nothing but what belongs to the run. */
export const ownKinds = allKinds.filter((name) => kinds[name].hits === 'own')

export type Fault = { kind: KindName; target: string; atMs: number; forMs: number }
export type Plan = {
  faults: Fault[]
  /** The service whose first process has a clock of its own. */
  clockOf: ServiceName
}

/** A rolling restart keeps all services from other faults for so long, a single one its service. */
const restartMs = 6000

/**
 * What the nemesis does within `forMs`, a fault every one to three seconds, several at once but never two to the same thing
 * and never to two servers. The same seed gives the same plan. Each kind comes once before one comes again.
 */
export function planFaults(seed: string, { forMs, from }: { forMs: number; from: readonly KindName[] }): Plan {
  const random = createRandom(seed)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const clockOf = pick(clocks)
  const busyUntil = new Map<string, number>()
  const faults: Fault[] = []
  let bag: KindName[] = []
  for (let atMs = 2000; atMs < forMs - 2000; atMs += 1000 + Math.floor(random() * 2000)) {
    if (bag.length === 0) bag = shuffle(from, random)
    const isFree = (kind: KindName) => (target: string) =>
      thingsOf(kind, target, clockOf).every((thing) => (busyUntil.get(thing) ?? 0) <= atMs)
    const index = bag.findIndex((kind) => kinds[kind].targets.some(isFree(kind)))
    const [kind] = index < 0 ? [] : bag.splice(index, 1)
    if (kind === undefined) continue
    const [least, most] = kinds[kind].ms
    const target = pick<string>((kinds[kind].targets as readonly string[]).filter(isFree(kind)))
    const lasts = Math.min(least + Math.floor(random() * (most - least)), forMs - atMs)
    const things = thingsOf(kind, target, clockOf)
    const busyMs = most === 0 ? restartMs * Math.min(things.length, 4) : lasts + 1000
    for (const thing of things) busyUntil.set(thing, atMs + busyMs)
    faults.push({ kind, target, atMs, forMs: lasts })
  }
  return { faults, clockOf }
}

/** What a fault keeps from other faults. */
function thingsOf(kind: KindName, target: string, clockOf: ServiceName): string[] {
  if (kind === 'rolling restart') return [...services]
  if (kind === 'three replicas') return [`replicas of ${target}`]
  if (kind === 'clock ahead' || kind === 'clock behind') return [`clock of ${clockOf}`]
  const [who, server] = target.split(' to ')
  if (server) return who === 'everybody' ? services.map((name) => `${name} to ${server}`) : [target]
  return kinds[kind].hits === 'servers' ? ['servers'] : [target]
}

function shuffle<T>(list: readonly T[], random: () => number): T[] {
  return list
    .map((one) => ({ one, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one)
}
