import { randomUUID } from 'node:crypto'
import type { Firestore } from '@google-cloud/firestore'
import { classify, mayBePoison } from '#runtime/calls/retry.ts'
import type { Publish } from '#runtime/kafka/output.ts'
import type { Kafka } from '#runtime/open-kafka.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { Config } from '../config.ts'
import type { Maps } from '../loaded-maps.ts'
import { noDocuments } from '../raw-documents.ts'
import { createListKeyCache } from '../series/list-keys.ts'
import { SeriesCache } from '../series/series-cache.ts'
import { createMonths } from '../store/months.ts'
import type { StoredPayload } from '../store/written.ts'
import { Pace, takeStep } from './next-page.ts'
import { PageReader } from './read-page.ts'
import { claimReplay, endReplay, holdReplay, type Replay, uncountAttempt } from './replay-table.ts'
import { sendUnsent } from './unsent.ts'

/** How often it looks by itself: `watchDue` wakes it for what commands ask for and what a normalizer that has died leaves. */
const pollMs = 30_000

/** A replay that begins so often at one place, without coming further, fails. */
const mostAttempts = 6

type Deps = {
  config: Config
  database: Database
  maps: Maps
  publish: Publish
  documents: () => Promise<Firestore>
  readTopic: Kafka['readBetween']
  erasures: Kafka['erasures']
}

/**
 * Works on replays, one page of payloads at a time, and sends the observations of replays and corrections. Any number of
 * processes may do so: one of them works on a replay, and another one goes on when it is gone. The returned function has it
 * look at once.
 */
export function startReplaying(deps: Deps, context: ServiceContext): () => void {
  const { config, database, maps, publish } = deps
  const runner = randomUUID()
  const months = createMonths(database)
  const memory = { series: new SeriesCache(20_000), lists: createListKeyCache(5000) }
  let restsUntil = 0
  /** What the last page changed. */
  let changed: readonly StoredPayload[] = []
  const pace = new Pace()
  const reader = new PageReader(database, deps.documents, deps)
  context.scope.defer(() => reader.settle())

  /** One page. Resolves to whether there are more. */
  async function takePage(replay: Replay): Promise<boolean> {
    const begun = performance.now()
    const step = { config, database, maps, memory, months, reader, pace, runner }
    const done = await holdReplay(database, replay, runner, () => takeStep(step, replay)).catch(
      async (error: unknown) => {
        if (classify(error) === 'transient' && !mayBePoison(error)) await uncountAttempt(database, replay)
        throw error
      },
    )
    changed = done?.changed ?? []
    if (replay.rate !== null) restsUntil = begun + (1000 * (done?.count ?? 0)) / replay.rate
    return done !== null
  }

  return startLoop('replay', pollMs, context, async () => {
    const isResting = () => restsUntil - performance.now() > 1
    const replay = isResting() ? null : await claimReplay(database, runner)
    if (replay === null) {
      if (await sendUnsent(database, maps, publish, changed)) return 0
      return isResting() ? restsUntil - performance.now() : null
    }
    const fault = faultOf(config, replay)
    if (fault !== null) {
      await endReplay(database, replay, 'failed', fault)
      return 0
    }
    // What the pages before have changed is sent meanwhile.
    const [sent, page] = await Promise.allSettled([sendUnsent(database, maps, publish, changed), takePage(replay)])
    if (page.status === 'rejected') throw page.reason
    if (sent.status === 'rejected') throw sent.reason
    if (!page.value && !sent.value) await endReplay(database, replay, 'done', '')
    return Math.max(0, restsUntil - performance.now())
  })
}

function faultOf({ firestore }: Config, { attempts, has_source: hasSource }: Replay): string | null {
  if (!hasSource) return 'The source was deleted.'
  if (firestore === null) return noDocuments
  return attempts > mostAttempts ? `It was begun ${mostAttempts} times here and came no further.` : null
}
