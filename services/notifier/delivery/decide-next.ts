import { backOffMs } from '#runtime/calls/retry.ts'
import type { Answer } from '../channels/answer.ts'
import type { DeliverySettings } from './settings.ts'

/** `sending` is committed before the call, so that after a crash it is known that the call may have been made. */
type DeliveryState = 'pending' | 'sending' | 'sent' | 'failed' | 'unknown'

/** What happens to a delivery, and to its destination, after an attempt. */
export type NextStep = {
  state: Exclude<DeliveryState, 'sending'>
  /** When the delivery is due again, ms from now; null: never. */
  dueInMs: number | null
  /** For how long the destination gets nothing, ms. */
  holdMs: number
  /** The destination is parked. */
  parks: boolean
  reason: string | null
  reference: string | null
}

export type Policy = Pick<DeliverySettings, 'RETRY_FIRST_MS' | 'RETRY_MAX_MS' | 'GIVE_UP_AFTER_MS'> & {
  /** Wait before looking for a message whose answer was lost, ms. */
  lookUpAfterMs: number
  /** The channel can look for a message. */
  canFind: boolean
  /** A message that cannot be looked for is sent again when it is unclear whether it was sent. */
  resendUnknown: boolean
  /** Shortest time between two messages to a destination, ms. */
  intervalMs: number
}

/** `isTest`: somebody waits for the result, so there is only one attempt. */
type Attempted = { attempts: number; ageMs: number; isTest?: boolean }

/** Stands for an answer that never came, because the process ended after the call. */
export const noAnswer: Answer = { kind: 'lost', reason: 'the notifier stopped before the answer came' }

/**
 * Decides what follows an answer. If the answer was lost, the message is looked up where the channel can do so; else it
 * stays `unknown` until a person decides, unless the policy says to send it again. Retries end GIVE_UP_AFTER_MS after
 * the message was first due. A destination that refuses every message is parked, and the message waits. `random` is in
 * [0, 1).
 */
export function decideNext(
  answer: Answer,
  { attempts, ageMs, isTest = false }: Attempted,
  policy: Policy,
  random: number,
): NextStep {
  const { kind } = answer
  const base = {
    holdMs: policy.intervalMs,
    reason: kind === 'sent' ? null : answer.reason,
    reference: null,
    dueInMs: null,
    parks: kind === 'refused' && answer.concerns === 'destination',
  }
  if (kind === 'sent') return { ...base, state: 'sent', reference: answer.reference }
  if (kind === 'refused')
    return base.parks && !isTest ? { ...base, state: 'pending', dueInMs: 0 } : { ...base, state: 'failed' }
  if (isTest) return { ...base, state: kind === 'retry' ? 'failed' : 'unknown' }

  const backOff = { firstMs: policy.RETRY_FIRST_MS, maxMs: policy.RETRY_MAX_MS }
  const isTooOld = ageMs >= policy.GIVE_UP_AFTER_MS
  const holdMs = Math.max(answer.afterMs ?? 0, policy.intervalMs)
  const dueInMs = Math.max(answer.afterMs ?? 0, backOffMs(backOff, attempts, random))
  if (kind === 'retry' && isTooOld)
    return { ...base, state: 'failed', reason: `not delivered in time: ${answer.reason}` }
  if (kind === 'retry') return { ...base, state: 'pending', dueInMs, holdMs }
  if (isTooOld || answer.isFinal) return { ...base, state: 'unknown' }
  if (policy.canFind) return { ...base, state: 'unknown', dueInMs: Math.max(dueInMs, policy.lookUpAfterMs), holdMs }
  return policy.resendUnknown ? { ...base, state: 'pending', dueInMs, holdMs } : { ...base, state: 'unknown' }
}
