import type { Answer } from '../channels/answer.ts'
import type { DeliverySettings } from './settings.ts'

/** `sending` is written before the call: whoever finds it later knows that the call may have been made. */
export type DeliveryState = 'pending' | 'sending' | 'sent' | 'failed' | 'unknown'

export type NextStep = {
  state: Exclude<DeliveryState, 'sending'>
  /** When it is touched again, ms from now; null: never. */
  dueInMs: number | null
  /** How long nothing is sent to the destination, ms. */
  holdMs: number
  /** Nothing more is sent to the destination until somebody says that it works again. */
  parks: boolean
  reason: string | null
  reference: string | null
}

export type Policy = Pick<
  DeliverySettings,
  'RETRY_FIRST_MS' | 'RETRY_MAX_MS' | 'GIVE_UP_AFTER_MS' | 'LOOK_UP_AFTER_MS'
> & {
  /** The channel can look for a message. */
  canFind: boolean
  /** A message that cannot be looked for is sent again when it is not known whether it went out. */
  resendUnknown: boolean
  /** Least time between two messages to a destination, ms. */
  intervalMs: number
}

/** `isTest`: somebody waits for what comes of it, so there is one attempt. */
export type Attempted = { attempts: number; ageMs: number; isTest?: boolean }

/** The answer that stands for none: the process ended between the call and its answer. */
export const noAnswer: Answer = { kind: 'lost', reason: 'the notifier ended before the answer came' }

/**
 * What comes after an answer. A lost one is looked up where the channel can, else it stays `unknown` for a person to
 * decide, unless the policy says send again. What keeps failing is given up GIVE_UP_AFTER_MS after it was first due. A
 * destination that takes nothing is parked, and the message waits there for it to be mended. `random` is in [0, 1).
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

  const isTooOld = ageMs >= policy.GIVE_UP_AFTER_MS
  const holdMs = Math.max(answer.afterMs ?? 0, policy.intervalMs)
  const dueInMs = Math.max(answer.afterMs ?? 0, waitBeforeRetry(attempts, policy, random))
  if (kind === 'retry' && isTooOld) return { ...base, state: 'failed', reason: `given up: ${answer.reason}` }
  if (kind === 'retry') return { ...base, state: 'pending', dueInMs, holdMs }
  if (isTooOld || answer.isFinal) return { ...base, state: 'unknown' }
  if (policy.canFind) return { ...base, state: 'unknown', dueInMs: Math.max(dueInMs, policy.LOOK_UP_AFTER_MS), holdMs }
  return policy.resendUnknown ? { ...base, state: 'pending', dueInMs, holdMs } : { ...base, state: 'unknown' }
}

/** RETRY_FIRST_MS doubled per attempt up to RETRY_MAX_MS, of which a random half counts. */
function waitBeforeRetry(attempts: number, { RETRY_FIRST_MS, RETRY_MAX_MS }: Policy, random: number): number {
  const full = Math.min(RETRY_FIRST_MS * 2 ** Math.min(attempts - 1, 30), RETRY_MAX_MS)
  return Math.round(full / 2 + (full / 2) * random)
}
