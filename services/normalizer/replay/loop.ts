import { randomUUID } from 'node:crypto'
import type { Firestore } from '@google-cloud/firestore'
import type { FirestoreAccess } from '#runtime/firestore/settings.ts'
import { classify, mayBePoison } from '#runtime/calls/retry.ts'
import type { Publish } from '#runtime/kafka/output.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { Config } from '../config.ts'
import type { Maps } from '../loaded-maps.ts'
import { createListKeyCache } from '../series/list-keys.ts'
import { SeriesCache } from '../series/series-cache.ts'
import { createMonths } from '../store/months.ts'
import { takeStep } from './next-page.ts'
import { claimReplay, endReplay, holdReplay, uncountAttempt } from './replay-table.ts'
import { sendUnsent } from './unsent.ts'

const pollMs = 500

/** Rest after a page, as a share of the time it took, so that live payloads come in between. */
const pauseShare = 0.25

/** A replay that begins so often at one place, without coming further, fails. */
const mostAttempts = 6

type Deps = { config: Config; database: Database; maps: Maps; publish: Publish }

/**
 * Works on replays, one page of payloads at a time, and sends the observations of replays and corrections. Any number of
 * processes may do so: one of them works on a replay, and another one goes on when it is gone. The returned function has it
 * look at once.
 */
export function startReplaying({ config, database, maps, publish }: Deps, context: ServiceContext): () => void {
  const runner = randomUUID()
  const months = createMonths(database)
  const memory = { series: new SeriesCache(20_000), lists: createListKeyCache(5000) }
  const send = () => sendUnsent(database, maps, publish)
  let restsUntil = 0
  let client: Promise<Firestore> | undefined

  async function connect(access: FirestoreAccess): Promise<Firestore> {
    const { openFirestore } = await import('#runtime/firestore/firestore.ts')
    const firestore = openFirestore(access)
    context.scope.defer(() => firestore.terminate())
    return firestore
  }

  return startLoop('replay', pollMs, context, async () => {
    if (await send()) return 0
    const restMs = restsUntil - performance.now()
    if (restMs > 1) return restMs
    const replay = await claimReplay(database, runner)
    if (replay === null) return null
    if (config.firestore === null) {
      const message = 'The normalizer has no access to raw documents: set FIREBASE_ADMINSDK_CERTIFICATE.'
      await endReplay(database, replay, 'failed', message)
      return 0
    }
    if (replay.attempts > mostAttempts) {
      await endReplay(database, replay, 'failed', `It was begun ${mostAttempts} times here and came no further.`)
      return 0
    }
    const firestore = await (client ??= connect(config.firestore))
    const begun = performance.now()
    const deps = { config, database, firestore, maps, memory, months, runner, send }
    const done = await holdReplay(database, replay, runner, () => takeStep(deps, replay)).catch(
      async (error: unknown) => {
        if (classify(error) === 'transient' && !mayBePoison(error)) await uncountAttempt(database, replay)
        throw error
      },
    )
    const now = performance.now()
    restsUntil = replay.rate === null ? now + (now - begun) * pauseShare : begun + (1000 * done) / replay.rate
    return Math.max(0, restsUntil - now)
  })
}
