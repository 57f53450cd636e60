import { randomUUID } from 'node:crypto'
import type { Publish } from '#runtime/kafka/output.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { ChannelTools } from '../channels/channel.ts'
import { channelKinds } from '../channels/kinds.ts'
import { openSecrets } from '../secrets/secrets.ts'
import type { ChannelSettings } from '../channels/settings.ts'
import type { MessageSettings } from '../message/settings.ts'
import { createNoteTold } from '../told/note.ts'
import type { PeopleSettings } from '../people/settings.ts'
import { startAnnouncingParking } from './announce-parking.ts'
import { type Attempt, createAttempt, type OpenKind } from './attempt.ts'
import { createLimiter } from '#runtime/calls/limit-calls.ts'
import { claimDeliveries, closeUndeliverable, releaseLapsed, returnUncalled } from './claim.ts'
import { decideNext, noAnswer } from './decide-next.ts'
import { type DeliverySettings, tidyTurns } from './settings.ts'

type Settings = DeliverySettings & ChannelSettings & Pick<MessageSettings, 'LINK_DAYS' | 'MAX_LINES'>

/** Messages sent at once, per kind of channel: most of the time of a call is waiting. */
const atOnce = 16

/** A call that takes longer makes room for another, for up to `slowAtOnce` of each kind of channel. */
const slowAfterMs = 1000
const slowAtOnce = 24

/**
 * Delivers what is due, each kind of channel in a loop of its own, so that a slow one does not delay the others, and
 * announces destinations that were parked. Returns the function that wakes the loops.
 */
export function startDelivery(
  config: Settings & PeopleSettings,
  context: ServiceContext,
  database: Database,
  publish: Publish,
): () => void {
  const findSecret = openSecrets(config, database)
  const wakes = Object.keys(channelKinds).map((name) => {
    const opened = openKind(name, { config, log: context.log, findSecret }, publish)
    return startKind(config, context, database, opened, createAttempt(config, context, database, opened))
  })
  const wakeDelivery = () => wakes.forEach((wake) => wake())
  wakes.push(startAnnouncingParking(config, context, database, wakeDelivery))
  return wakeDelivery
}

function openKind(name: string, tools: ChannelTools & { config: Settings }, publish: Publish): OpenKind {
  const { config } = tools
  const kind = channelKinds[name] as OpenKind['kind']
  const channel = kind.open(tools)
  const policy = {
    ...config,
    // The message may still be on its way, and the search must not find it missing.
    lookUpAfterMs: 10 * config.RETRY_FIRST_MS,
    canFind: channel.find !== undefined,
    resendUnknown: kind.resendsUnknown(config),
    intervalMs: kind.intervalMs(config),
    GIVE_UP_AFTER_MS: kind.giveUpAfterMs?.(config) ?? config.GIVE_UP_AFTER_MS,
  }
  return { name, kind, channel, policy, told: createNoteTold(publish, name) }
}

function startKind(
  config: Settings,
  context: ServiceContext,
  database: Database,
  { name, kind, policy }: OpenKind,
  attempt: Attempt,
): () => void {
  const { log, scope, stopping, fail } = context
  const limits = { atOnce, slowAtOnce, slowAfterMs }
  const limiter = createLimiter(limits, () => wake())
  scope.defer(() => limiter.drained())

  const holder = randomUUID()
  let isClaimOpen = false

  async function claim(limit: number) {
    if (isClaimOpen) await returnUncalled(database, holder, limiter.ids())
    isClaimOpen = true
    const claimed = await claimDeliveries(database, {
      ...{ channel: name, holder, limit, leaseMs: config.LEASE_MS },
      withoutLines: kind.showsDigestView?.(config) === true,
    })
    isClaimOpen = false
    return claimed
  }

  const afterCrash = decideNext(noAnswer, { attempts: 1, ageMs: 0 }, { ...policy, lookUpAfterMs: 0 }, 0)
  const everyMs = tidyTurns * config.POLL_MS
  // What a crash left waits for its lease anyway, so it need not be looked for in every turn.
  let tidiedAt = -Infinity

  async function tidy(): Promise<void> {
    await closeUndeliverable(database, name, policy.GIVE_UP_AFTER_MS)
    const lapsed = await releaseLapsed(database, name, afterCrash)
    if (lapsed > 0)
      log.warn({ channel: name, deliveries: lapsed, state: afterCrash.state }, 'deliveries_left_by_a_crash')
    tidiedAt = performance.now()
  }

  const wake = startLoop(`deliver_${name.toLowerCase()}`, everyMs, context, async () => {
    if (performance.now() - tidiedAt >= everyMs) await tidy()
    const limit = limiter.free()
    if (limit === 0) return
    const claimedAt = performance.now()
    for (const claimed of await claim(limit))
      limiter.run(claimed.delivery_id, (onAnswer) =>
        attempt(claimed, claimedAt, onAnswer).catch((error: unknown) => {
          if (!stopping.aborted) fail(error)
        }),
      )
  })
  return wake
}
