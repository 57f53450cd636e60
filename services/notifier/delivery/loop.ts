import { randomUUID } from 'node:crypto'
import { Counter, Histogram } from 'prom-client'
import type { Database } from '#runtime/postgres/database.ts'
import { retryTransient } from '#runtime/process/retry.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { Answer } from '../channels/answer.ts'
import type { Channel, ChannelTools, Delivery } from '../channels/channel.ts'
import type { ChannelSettings } from '../channels/settings.ts'
import { channelKinds } from '../channels/kinds.ts'
import { explainWhy } from '../message/compose.ts'
import {
  type Answered,
  type ClaimedDelivery,
  claimDeliveries,
  closeUndeliverable,
  recordAnswers,
  releaseLapsed,
  returnUncalled,
} from './store.ts'
import { batchCalls } from '#runtime/process/batch-calls.ts'
import { startLoop } from '#runtime/process/loop.ts'
import { openSecrets } from '../channels/secrets.ts'
import { noAnswer, decideNext } from './decide-next.ts'
import { createLimiter } from './concurrency.ts'
import { clean, cut } from '../message/text.ts'
import { watchOutages } from './outage.ts'
import type { DeliverySettings } from './settings.ts'

const attempts = new Counter({
  name: 'parma_delivery_attempts_total',
  help: 'Calls to channels, by kind of channel and answer (sent, retry, refused, lost)',
  labelNames: ['channel', 'answer'] as const,
})
const delay = new Histogram({
  name: 'parma_delivery_delay_seconds',
  help: 'From a delivery made to its message sent',
  labelNames: ['channel'] as const,
  buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600],
})

/** A call under way for longer makes room for another, for up to `slowAtOnce` of each kind of channel. */
const slowAfterMs = 1000
const slowAtOnce = 24

/**
 * Delivers what is due, each kind of channel in a loop of its own, so that one that hangs costs the others nothing.
 * Returns how to wake them.
 */
export function startDelivery(
  config: DeliverySettings & ChannelSettings,
  context: ServiceContext,
  database: Database,
): () => void {
  const findSecret = openSecrets(config, database)
  const loops = Object.keys(channelKinds).map((name) => startKind(name, database, { ...context, config, findSecret }))
  return () => loops.forEach((wake) => wake())
}

function startKind(
  name: string,
  database: Database,
  context: ServiceContext & ChannelTools & { config: DeliverySettings },
): () => void {
  const { config, log, scope, stopping, fail } = context
  const kind = channelKinds[name] as (typeof channelKinds)[string]
  const channel = kind.open(context)
  const intervalMs = kind.intervalMs(config)
  const policy = {
    ...config,
    canFind: channel.find !== undefined,
    resendUnknown: kind.resendsUnknown(config),
    intervalMs,
  }
  const written = { writePublic: config.WRITE_PUBLIC_NOTIFICATIONS, parkAfterFailures: config.PARK_AFTER_FAILURES }
  const record = batchCalls({
    atOnce: 1,
    work: (answered: readonly Answered[]) =>
      retryTransient(() => recordAnswers(database, answered, written), {
        signal: stopping,
        onRetry: (error, attempt) =>
          log.warn({ error, attempt, channel: name, deliveries: answered.length }, 'retrying'),
      }),
  })
  const limits = {
    atOnce: config.DELIVERY_CONCURRENCY,
    slowAtOnce,
    slowAfterMs,
  }
  const noteOutage = watchOutages(database, config.TROUBLE_AFTER_MS)
  const limiter = createLimiter(limits, () => wake())
  scope.defer(() => limiter.allFree())

  async function deliver(claimed: ClaimedDelivery, claimedAt: number, leave: () => void): Promise<void> {
    const startedAt = performance.now()
    // Whoever takes it over when the claim lapses looks for a message that must be there by then.
    const isLate = startedAt - claimedAt > config.LEASE_MS - config.SEND_TIMEOUT_MS
    const answer = await (isLate ? Promise.resolve(heldUp) : call(channel, claimed)).catch((error: unknown): Answer => {
      // A channel answers for its own errors, so this is ours. The call may have been made.
      log.error({ error, delivery_id: claimed.delivery_id, channel: name }, 'delivery_failed_unexpectedly')
      return { kind: 'lost', reason: `unexpected: ${String(error)}` }
    })
    leave()
    const tookMs = Math.round(performance.now() - startedAt)
    const attempted = { attempts: claimed.claim, ageMs: claimed.age_ms, isTest: claimed.kind === 'test' }
    const next = decideNext(answer, attempted, policy, Math.random())
    const isOurs = await record({ claimed, answer, next, tookMs })
    await retryTransient(() => noteOutage(answer, outageKeyOf(claimed)), { signal: stopping })
    attempts.inc({ channel: name, answer: answer.kind })
    if (answer.kind === 'sent') delay.observe({ channel: name }, (claimed.age_ms + tookMs) / 1000)
    const { notification_id, delivery_id, action } = claimed
    const { state, reason, parks } = next
    const event = isOurs ? 'delivery_attempted' : 'delivery_claim_lapsed'
    log[state === 'sent' ? 'info' : 'warn'](
      { channel: name, notification_id, delivery_id, action, state, reason, took_ms: tookMs, ...(parks && { parks }) },
      event,
    )
  }

  /** What shares a reason of ours not to get out: all of the kind, or of those with the same secret. */
  function outageKeyOf({ secret_id }: ClaimedDelivery): string {
    if (!kind.hasSecrets) return name
    return secret_id === ''
      ? `${name} without a secret of its own`
      : `${name} with the secret ${cut(clean(secret_id), 100)}`
  }

  const holder = randomUUID()
  let isClaimOpen = false

  async function claim(limit: number): Promise<readonly ClaimedDelivery[]> {
    if (isClaimOpen) await returnUncalled(database, holder, limiter.ids())
    isClaimOpen = true
    const claimed = await claimDeliveries(database, { channel: name, holder, limit, leaseMs: config.LEASE_MS })
    isClaimOpen = false
    return claimed
  }

  const afterCrash = decideNext(noAnswer, { attempts: 1, ageMs: 0 }, { ...policy, LOOK_UP_AFTER_MS: 0 }, 0)
  let tidiedAt = -Infinity

  async function tidy(): Promise<void> {
    await closeUndeliverable(database, name, config.GIVE_UP_AFTER_MS)
    const lapsed = await releaseLapsed(database, name, afterCrash)
    if (lapsed > 0)
      log.warn({ channel: name, deliveries: lapsed, state: afterCrash.state }, 'deliveries_left_by_a_crash')
    tidiedAt = performance.now()
  }

  const wake = startLoop(`deliver_${name.toLowerCase()}`, config.POLL_MS, context, async () => {
    if (performance.now() - tidiedAt >= config.POLL_MS) await tidy()
    const limit = limiter.free()
    if (limit === 0) return
    const claimedAt = performance.now()
    for (const claimed of await claim(limit))
      limiter.take(claimed.delivery_id, (leave) =>
        deliver(claimed, claimedAt, leave).catch((error: unknown) => {
          if (!stopping.aborted) fail(error)
        }),
      )
  })
  return wake
}

/** A process that was stopped, or starved, between claim and call. */
const heldUp: Answer = { kind: 'retry', reason: 'the claim was too old to be called for' }

async function call(channel: Channel, claimed: ClaimedDelivery): Promise<Answer> {
  const delivery: Delivery = {
    deliveryId: claimed.delivery_id,
    notificationId: claimed.notification_id,
    kind: claimed.kind,
    address: claimed.address,
    secretId: claimed.secret_id || null,
    message: claimed.message,
    why: explainWhy(claimed.message, claimed.people),
    createdAt: claimed.created_at,
    claimedAt: claimed.created_at + claimed.age_ms,
  }
  return claimed.action === 'find' && channel.find ? channel.find(delivery) : channel.send(delivery)
}
