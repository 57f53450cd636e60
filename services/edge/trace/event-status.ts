import { type Reason, refusalReason, remedies } from './event-reasons.ts'

/** Why a part of the system could not be asked. */
export type LookupFailure = Extract<Reason, 'not-asked' | 'no-answer' | 'not-migrated'>
/** What a part of the system knows of an event; null: nothing. */
export type Lookup<T> = T | null | LookupFailure

export type Stored = {
  data_source_id: number
  company_id: string
  received_at: number
  at: number
  truncated: boolean
  error: string | null
}
export type Normalized = {
  data_source_id: number
  source_name: string
  company_id: string
  task_id: number | null
  received_at: number
  at: number
  stored: number
  unmapped: number
  refused: number
  reason: string | null
}
/** A row of an `event_status` view. */
export type Status = { stage: string; at: number; reason: string | null }

/** The services that process a payload after the edge. */
export type Consumer = 'raw-sink' | 'normalizer' | 'analyzer' | 'notifier'
/** The services that dead-lettered it. */
export type DeadLetters = { [service in Consumer]?: { at: number; detail: string } }

/** What each part of the system knows of an event. */
export type EventFacts = {
  /** What this process remembers of accepting it. */
  accepted: { data_source_id: number; company_id: string; received_at: number } | null
  stored: Lookup<Stored>
  /** The newest one of the payload and its replays. */
  normalized: Lookup<Normalized>
  judged: Lookup<Status>
  notified: Lookup<Status>
  /** Whether the scheduler has counted it for a run. */
  counted: Lookup<Status>
  dead: Exclude<Lookup<DeadLetters>, null>
}

export const stages = ['accepted', 'stored', 'normalized', 'judged', 'notified'] as const
/** `stopped`: it does not continue by itself. `skipped`: there is nothing to do. `unknown`: the lookup failed. */
export const states = ['done', 'waiting', 'stopped', 'skipped', 'unknown'] as const

export type Stage = {
  stage: (typeof stages)[number]
  state: (typeof states)[number]
  /** ms since 1970 */
  at: number | null
  reason: Reason | null
  remedy: string | null
  detail: string | null
}

/** How far an event has come, stage by stage; null: no part of the system knows it. */
export function describeEvent(facts: EventFacts): Stage[] | null {
  const accepted = describeAccepted(facts)
  if (!accepted) return null
  const dead = found(facts.dead) ?? {}
  const stored = describeStored(facts.stored)
  const normalized = unlessDead(describeNormalized(facts.normalized), dead.normalizer)
  const judged =
    normalized.state === 'stopped' ? skip('judged') : unlessDead(describeJudged(facts.judged), dead.analyzer)
  const notified = unlessDead(describeNotified(judged, facts), dead.notifier)
  return [accepted, unlessDead(stored, dead['raw-sink']), normalized, judged, notified]
}

/** A dead letter stays on its topic after a replay, so it counts only while its stage is still waiting. */
function unlessDead(live: Stage, letter: { at: number; detail: string } | undefined): Stage {
  return letter && live.state === 'waiting'
    ? stage(live.stage, 'stopped', letter.at, 'dead-lettered', letter.detail)
    : live
}

/** An event that any service has seen was accepted, even if this process does not remember it. */
function describeAccepted({ accepted, stored, normalized, counted, dead }: EventFacts): Stage | null {
  const [letter] = Object.values(found(dead) ?? {})
  const at = found(accepted)?.received_at ?? found(stored)?.received_at ?? found(normalized)?.received_at
  // These two do not know when the payload was received, but it cannot have been later.
  const latest = at ?? found(counted)?.at ?? letter?.at
  return latest === undefined ? null : stage('accepted', 'done', latest)
}

function describeStored(stored: Lookup<Stored>): Stage {
  if (stored === null) return stage('stored', 'waiting')
  if (typeof stored === 'string') return stage('stored', 'unknown', null, stored)
  const { at, truncated, error } = stored
  if (error !== null) return stage('stored', 'done', at, 'no-data', error)
  return stage('stored', 'done', at, truncated ? 'data-truncated' : null)
}

function describeNormalized(lookup: Lookup<Normalized>): Stage {
  if (lookup === null) return stage('normalized', 'waiting')
  if (typeof lookup === 'string') return stage('normalized', 'unknown', null, lookup)
  const { at, reason, stored, refused, unmapped } = lookup
  if (reason !== null) return stage('normalized', 'stopped', at, refusalReason(reason), reason)
  const counts = `values: ${stored} stored, ${refused} refused, ${unmapped} unmapped`
  const note = refused > 0 ? 'values-refused' : stored === 0 && unmapped > 0 ? 'nothing-mapped' : null
  return stage('normalized', 'done', at, note, counts)
}

function describeJudged(lookup: Lookup<Status>): Stage {
  if (lookup === null) return stage('judged', 'waiting')
  if (typeof lookup === 'string') return stage('judged', 'unknown', null, lookup)
  const { stage: reached, at, reason } = lookup
  if (reached !== 'judged') return stage('judged', 'waiting')
  return stage('judged', 'done', at, /^\d/.test(reason ?? '') ? null : 'no-news', reason)
}

function describeNotified(judged: Stage, { notified: lookup }: EventFacts): Stage {
  if (judged.state === 'skipped' || judged.state === 'stopped') return skip('notified')
  if (judged.reason === 'no-news') return stage('notified', 'skipped', null, 'no-news')
  if (lookup === null) return stage('notified', 'waiting')
  if (typeof lookup === 'string') return stage('notified', 'unknown', null, lookup)
  const { stage: reached, at, reason } = lookup
  switch (reached) {
    case 'notified':
      return stage('notified', 'done', at, null, reason)
    case 'notification-failed':
      return stage('notified', 'stopped', at, 'delivery-failed', reason)
    case 'notification-unknown':
      return stage('notified', 'unknown', at, 'delivery-unknown', reason)
    case 'nobody-to-notify':
    case 'kept-back':
    case 'silent':
      return stage('notified', 'skipped', at, reached, reason)
    default:
      return stage('notified', 'waiting', null, null, reason)
  }
}

function skip(name: Stage['stage']): Stage {
  return stage(name, 'skipped', null, 'earlier-stage')
}

function stage(
  name: Stage['stage'],
  state: Stage['state'],
  at: number | null = null,
  reason: Reason | null = null,
  detail: string | null = null,
): Stage {
  return { stage: name, state, at, reason, remedy: reason && remedies[reason], detail }
}

/** The result of a lookup; null if it found nothing or failed. */
export function found<T>(lookup: Lookup<T>): T | null {
  return typeof lookup === 'string' ? null : lookup
}
