import { setTimeout as delay } from 'node:timers/promises'
import { UsageError } from '#runtime/commands/commands.ts'
import { withDatabase } from '#runtime/commands/command-database.ts'
import { metadataMaxAgeMs } from '#runtime/kafka/client.ts'
import { type GroupLag, readGroupLag } from '#runtime/offsets/group-lag.ts'
import { createLog } from '#runtime/process/log.ts'
import type { KafkaSettings } from '#runtime/process/settings.ts'
import { beginHold, type EdgeState, endHold, readEdges } from './feed-hold.ts'

const drainMs = 60_000
/**
 * For as long nothing may come and no service may lag: records pass from service to service, and lags are read one by
 * one.
 */
const quietMs = 3000
/** Until every producer and consumer knows the new partitions. */
const knownMs = metadataMaxAgeMs + 2000
/** Shorter than the edge's FEED_DEADLINE_MS, so that no caller is refused, and edges go on if this process dies. */
const holdMs = drainMs + knownMs + 3000
const pollMs = 500

export type Steps = {
  /** Where services lag, and by how much. */
  readLag(): Promise<GroupLag[]>
  addPartitions(): Promise<void>
  /** Asks edges to let modules wait for up to `ms`. Returns the id of the hold. */
  hold(ms: number): Promise<string>
  readEdges(holdId: string): Promise<readonly EdgeState[]>
  release(holdId: string): Promise<void>
  /** Tells the person what happens now. */
  say(text: string): void
}

/**
 * Adds partitions only while no service lags: keys move to other partitions, so a lagging service would see a company's
 * later records first. Throws a UsageError that names the lag. With `drain`, every edge lets modules wait until the lag is
 * gone and everybody knows the new partitions. If the lag is not gone within 60 s, or an edge cannot hold that much, edges
 * go on as before and the error says why.
 */
export async function repartition(
  settings: KafkaSettings,
  { drain }: { drain: boolean },
  addPartitions: () => Promise<void>,
): Promise<void> {
  const readLag = () => readGroupLag(settings, createLog('parma', 'silent'))
  if (!drain) return addUnlessLagging({ readLag, addPartitions })
  await withDatabase((database) =>
    addDrained({
      readLag,
      addPartitions,
      hold: (ms) => beginHold(database, ms, 'parma topics apply --repartition --drain'),
      readEdges: (holdId) => readEdges(database, holdId),
      release: (holdId) => endHold(database, holdId),
      say: (text) => console.error(text),
    }),
  )
}

export async function addUnlessLagging({ readLag, addPartitions }: Pick<Steps, 'readLag' | 'addPartitions'>) {
  const lags = await readLag()
  if (lags.some(isLagging))
    throw new UsageError(
      `No partition was added, because services lag: ${describeLag(lags)}. Wait, or let edges hold payloads with --drain.`,
    )
  await addPartitions()
}

export async function addDrained({ hold, release, addPartitions, say, ...reads }: Steps): Promise<void> {
  const holdId = await hold(holdMs)
  try {
    say(`Edges let modules wait until no service lags, for up to ${drainMs / 1000} seconds.`)
    await waitUntilDrained(reads, holdId)
    await addPartitions()
    say(`Partitions are added. Modules wait ${knownMs / 1000} seconds more, until every service knows them.`)
    await delay(knownMs)
  } finally {
    await release(holdId)
  }
}

/** What is seen of the system at one moment. */
type Sight = { lags: readonly GroupLag[]; edges: readonly EdgeState[]; written: string }

/** Resolves when every edge has said that it sends nothing, and for a while no record has come and no service has lagged. */
async function waitUntilDrained({ readLag, readEdges }: Pick<Steps, 'readLag' | 'readEdges'>, holdId: string) {
  const startedAt = performance.now()
  let quietSince: number | null = null
  for (let before: Sight | null = null; ; await delay(pollMs)) {
    const edges = await readEdges(holdId)
    const lags = await readLag()
    const sight: Sight = { lags, edges, written: JSON.stringify(lags.map(({ written }) => written)) }
    const full = edges.find(({ state }) => state === 'gave-way')
    if (full) throw undone(`edge ${full.name} sends again: ${full.reason}`)
    const now = performance.now()
    quietSince = before && isQuiet(before, sight) ? (quietSince ?? now) : null
    const isDrained = quietSince !== null && now - quietSince >= quietMs
    // Also when it is drained: a read may have taken longer than the hold.
    if (now - startedAt > drainMs)
      throw undone(`after ${drainMs / 1000} seconds ${isDrained ? tooLate : describeRest(sight)}`)
    if (isDrained) return
    before = sight
  }
}

function isQuiet(before: Sight, { lags, edges, written }: Sight): boolean {
  return !lags.some(isLagging) && edges.every(({ state }) => state === 'waiting') && written === before.written
}

function undone(reason: string): UsageError {
  return new UsageError(`No partition was added, and edges send payloads as before: ${reason}.`)
}

const tooLate = 'nothing was on its way any more, but it was too late to add partitions'

function describeRest({ lags, edges }: Sight): string {
  const sending = edges.filter(({ state }) => state === null).map(({ name }) => name)
  if (sending.length > 0) return `edges have not said that they let modules wait: ${sending.join(', ')}`
  if (lags.some(isLagging)) return `services still lag: ${describeLag(lags)}`
  return 'records still come, from an edge that does not reach Postgres or from another sender'
}

const isLagging = ({ lag }: GroupLag) => lag > 0

function describeLag(lags: readonly GroupLag[]): string {
  return lags
    .filter(isLagging)
    .map(({ service, topic, lag }) => `${service} by ${lag} on ${topic}`)
    .join(', ')
}
