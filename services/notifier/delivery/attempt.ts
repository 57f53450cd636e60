import { Counter, Histogram } from 'prom-client'
import type { Database } from '#runtime/postgres/database.ts'
import { batchCalls } from '#runtime/calls/batch-calls.ts'
import { retryTransient } from '#runtime/calls/retry.ts'
import { expectStep, noteStep } from '#runtime/observe/steps.ts'
import { startSpan } from '#runtime/observe/tracing.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { dayMs } from '#runtime/text/time.ts'
import { type LinkSettings, makeSignInLink } from '#runtime/web/signed-links.ts'
import type { Answer } from '../channels/answer.ts'
import type { Channel, ChannelKind, Delivery, EarlierMessage } from '../channels/channel.ts'
import { explainWhy } from '../message/compose.ts'
import type { Message } from '../message/message.ts'
import type { NoteTold } from '../told/note.ts'
import type { ClaimedDelivery } from './claim.ts'
import { decideNext, type Policy } from './decide-next.ts'
import { editEarlier } from './edit.ts'
import { watchOutages } from './outage.ts'
import type { DeliverySettings } from './settings.ts'
import { type Answered, recordAnswers } from './record.ts'

const attempts = new Counter({
  name: 'parma_delivery_attempts_total',
  help: 'Calls to channels, by kind of channel and answer (sent, retry, refused, lost)',
  labelNames: ['channel', 'answer'] as const,
})
const delay = new Histogram({
  name: 'parma_delivery_delay_seconds',
  help: 'Time from a delivery being written to its message being sent',
  labelNames: ['channel'] as const,
  buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600],
})

/** A kind of channel that is open. `name` is that of its rows. */
export type OpenKind = { name: string; kind: ChannelKind; channel: Channel; policy: Policy; told: NoteTold }

/** Failed messages in a row that park a destination: fewer may be bad messages. */
const parkAfterFailures = 10

/** Settings that an attempt reads. */
type AttemptSettings = Pick<DeliverySettings, 'LEASE_MS' | 'TROUBLE_AFTER_MS' | 'WRITE_PUBLIC_NOTIFICATIONS'> & {
  SEND_TIMEOUT_MS: number
  LINK_DAYS: number
  MAX_LINES: number
} & LinkSettings

/**
 * One attempt at a delivery that was claimed at `claimedAt` (performance.now()). Calls `onAnswer` when only the record
 * is left.
 */
export type Attempt = (claimed: ClaimedDelivery, claimedAt: number, onAnswer: () => void) => Promise<void>

/**
 * Returns the function that calls a kind of channel for a claimed delivery, decides what comes next, and records both.
 */
export function createAttempt(
  config: AttemptSettings,
  { log, stopping }: Pick<ServiceContext, 'log' | 'stopping'>,
  database: Database,
  { name, kind, channel, policy, told }: OpenKind,
): Attempt {
  const recordOptions = { writePublic: config.WRITE_PUBLIC_NOTIFICATIONS, parkAfterFailures }
  expectAttempts(name)
  const record = batchCalls({
    atOnce: 1,
    work: (answered: readonly Answered[]) =>
      retryTransient(() => recordAnswers(database, answered, recordOptions), {
        signal: stopping,
        onRetry: (error, attempt) =>
          log.warn({ error, attempt, channel: name, deliveries: answered.length }, 'retrying'),
      }),
  })
  const noteOutage = watchOutages(database, config.TROUBLE_AFTER_MS)

  /** The process that takes over after the lease looks for a message that must have arrived by then. */
  const isLate = (claimedAt: number) => performance.now() - claimedAt > config.LEASE_MS - config.SEND_TIMEOUT_MS

  async function answerFor(claimed: ClaimedDelivery, claimedAt: number): Promise<Answer> {
    if (claimed.action === 'send')
      try {
        await told.sending(claimed)
      } catch (error) {
        return { kind: 'retry', reason: `Kafka has not confirmed that it is sent: ${excerpt(String(error), 200)}` }
      }
    try {
      return isLate(claimedAt) ? tooLate : await call(config, { stopping }, database, channel, claimed)
    } catch (error) {
      // A channel catches its own errors, so this one is a bug. The call may have been made.
      log.error({ error, delivery_id: claimed.delivery_id, channel: name }, 'delivery_failed_unexpectedly')
      return { kind: 'lost', reason: `unexpected: ${String(error)}` }
    }
  }

  return async (claimed, claimedAt, onAnswer) => {
    const startedAt = performance.now()
    const span = traceDelivery(name, claimed)
    const answer = await answerFor(claimed, claimedAt)
    span.end({ error: answer.kind === 'sent' ? undefined : answer.kind })
    onAnswer()
    const tookMs = Math.round(performance.now() - startedAt)
    const attempted = { attempts: claimed.claim, ageMs: claimed.age_ms, isTest: claimed.kind === 'test' }
    const next = decideNext(answer, attempted, policy, Math.random())
    // Beside the record, because it is for the case that Postgres is gone. Without it the answer counts as lost.
    const noted = retryTransient(() => told.outcome(claimed, next), { signal: stopping }).catch((error: unknown) =>
      log.warn({ error, delivery_id: claimed.delivery_id, channel: name }, 'outcome_not_noted'),
    )
    const isOurs = await record({ claimed, answer, next, tookMs })
    await retryTransient(() => noteOutage(answer, outageSubject(name, kind, claimed)), { signal: stopping })
    await noted
    attempts.inc({ channel: name, answer: answer.kind })
    if (answer.kind === 'sent') {
      delay.observe({ channel: name }, (claimed.age_ms + tookMs) / 1000)
      noteStep('sent', claimed.payload_received_at)
    }
    const { notification_id, delivery_id, action } = claimed
    const { state, reason, parks } = next
    log[state === 'sent' ? 'info' : 'warn'](
      { channel: name, notification_id, delivery_id, action, state, reason, took_ms: tookMs, ...(parks && { parks }) },
      isOurs ? 'delivery_attempted' : 'delivery_claim_lapsed',
    )
  }
}

/** So that the first one shows as a change. */
function expectAttempts(channel: string): void {
  for (const answer of ['sent', 'retry', 'refused', 'lost']) attempts.inc({ channel, answer }, 0)
  delay.zero({ channel })
  expectStep('sent')
}

/** The span of a call: in the trace of the first payload that the message is about, linked with the others. */
function traceDelivery(channel: string, { traceparents, notification_id }: ClaimedDelivery) {
  const [parent, ...links] = traceparents ?? []
  const system = channel.toLowerCase()
  return startSpan(`send ${system}`, {
    ...{ kind: 'client', parent, links },
    attributes: {
      ...{ 'messaging.system': system, 'messaging.operation.name': 'send', 'messaging.operation.type': 'send' },
      'messaging.message.id': notification_id,
    },
  })
}

/** A process that was stopped, or had no time, between claim and call. */
const tooLate: Answer = { kind: 'retry', reason: 'the claim was too old to make the call' }

async function call(
  settings: LinkSettings & { LINK_DAYS: number; MAX_LINES: number },
  context: Pick<ServiceContext, 'stopping'>,
  database: Database,
  channel: Channel,
  claimed: ClaimedDelivery,
): Promise<Answer> {
  const [reader] = claimed.people
  const linksUntil = claimed.created_at + settings.LINK_DAYS * dayMs
  const delivery: Delivery = {
    deliveryId: claimed.delivery_id,
    notificationId: claimed.notification_id,
    kind: claimed.kind,
    address: claimed.address,
    secretId: claimed.secret_id || null,
    message: withSignInLink(settings, claimed.message),
    why: explainWhy(claimed.message, claimed.people),
    actor: reader && claimed.people.length === 1 ? reader.id : null,
    follows: earlierMessage(claimed),
    linksUntil,
    createdAt: claimed.created_at,
    claimedAt: claimed.created_at + claimed.age_ms,
  }
  const edited = await editEarlier(settings, context, database, channel, claimed, delivery)
  if (edited !== null) return edited
  return claimed.action === 'find' && channel.find ? channel.find(delivery) : channel.send(delivery)
}

function earlierMessage({ follows }: ClaimedDelivery): EarlierMessage | null {
  if (follows?.state !== 'sent' || follows.reference === null) return null
  const { delivery_id, notification_id, reference } = follows
  return { deliveryId: delivery_id, notificationId: notification_id, reference }
}

/** The message with its link to sign in, which stands nowhere else. */
function withSignInLink(settings: LinkSettings, message: Message): Message {
  const link = message.signIn === undefined ? null : makeSignInLink(settings, message.signIn)
  return link === null ? message : { ...message, lines: message.lines.map((line) => ({ ...line, link })) }
}

/** What an outage would concern: the whole kind of channel, or all destinations with the same secret. */
function outageSubject(name: string, { hasSecrets }: ChannelKind, { secret_id }: ClaimedDelivery): string {
  if (!hasSecrets) return name
  return secret_id === '' ? `${name} without a secret of its own` : `${name} with the secret ${excerpt(secret_id, 100)}`
}
