import { type Reason, refusalReason, remedies } from './event-reasons.ts'

/** What cannot be known now, and why. */
export type NotKnown = Extract<Reason, 'not-asked' | 'no-answer' | 'not-migrated'>
/** What a part of the system says of an event; null: nothing. */
export type Said<T> = T | null | NotKnown

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

/** The services that take a payload further. */
export type Pipe = 'raw-sink' | 'normalizer' | 'analyzer' | 'notifier'
/** Those of them that have given up on it. */
export type DeadLetters = { [service in Pipe]?: { at: number; detail: string } }

/** What is known of an event, part by part. */
export type EventFacts = {
  /** What this very process remembers of having accepted it. */
  accepted: { data_source_id: number; company_id: string; received_at: number } | null
  stored: Said<Stored>
  /** The newest of the payload and its replays. */
  normalized: Said<Normalized>
  judged: Said<Status>
  notified: Said<Status>
  /** Whether the scheduler has counted it for a run. */
  counted: Said<Status>
  dead: Exclude<Said<DeadLetters>, null>
}

export const stages = ['accepted', 'stored', 'normalized', 'judged', 'notified'] as const
/** `stopped`: it does not go on by itself. `skipped`: there is nothing to do. `unknown`: it cannot be told now. */
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

/** How far an event has come, stage by stage; null when nobody knows of it. */
export function describeEvent(facts: EventFacts): Stage[] | null {
  const accepted = describeAccepted(facts)
  if (!accepted) return null
  const dead = known(facts.dead) ?? {}
  const stored = describeStored(facts.stored)
  const normalized = unlessDead(describeNormalized(facts.normalized), dead.normalizer)
  const judged =
    normalized.state === 'stopped' ? skip('judged') : unlessDead(describeJudged(facts.judged), dead.analyzer)
  const notified = unlessDead(describeNotified(judged, facts), dead.notifier)
  return [accepted, unlessDead(stored, dead['raw-sink']), normalized, judged, notified]
}

/** A letter that was replayed lies there still: only what is waited for in vain is dead. */
function unlessDead(stage: Stage, letter: { at: number; detail: string } | undefined): Stage {
  return letter && stage.state === 'waiting'
    ? is(stage.stage, 'stopped', letter.at, 'dead-lettered', letter.detail)
    : stage
}

/** What was seen behind the edge was accepted by it, whether or not it remembers. */
function describeAccepted({ accepted, stored, normalized, counted, dead }: EventFacts): Stage | null {
  const [letter] = Object.values(known(dead) ?? {})
  const at = known(accepted)?.received_at ?? known(stored)?.received_at ?? known(normalized)?.received_at
  // Neither of these two says when it came, but it cannot have been later.
  const latest = at ?? known(counted)?.at ?? letter?.at
  return latest === undefined ? null : is('accepted', 'done', latest)
}

function describeStored(stored: Said<Stored>): Stage {
  if (stored === null) return is('stored', 'waiting')
  if (typeof stored === 'string') return is('stored', 'unknown', null, stored)
  const { at, truncated, error } = stored
  if (error !== null) return is('stored', 'done', at, 'no-data', error)
  return is('stored', 'done', at, truncated ? 'data-truncated' : null)
}

function describeNormalized(said: Said<Normalized>): Stage {
  if (said === null) return is('normalized', 'waiting')
  if (typeof said === 'string') return is('normalized', 'unknown', null, said)
  const { at, reason, stored, refused, unmapped } = said
  if (reason !== null) return is('normalized', 'stopped', at, refusalReason(reason), reason)
  const counts = `${stored} values stored, ${refused} refused, ${unmapped} not mapped`
  const note = refused > 0 ? 'values-refused' : stored === 0 && unmapped > 0 ? 'nothing-mapped' : null
  return is('normalized', 'done', at, note, counts)
}

function describeJudged(said: Said<Status>): Stage {
  if (said === null) return is('judged', 'waiting')
  if (typeof said === 'string') return is('judged', 'unknown', null, said)
  const { stage, at, reason } = said
  if (stage !== 'judged') return is('judged', 'waiting')
  return is('judged', 'done', at, /^\d/.test(reason ?? '') ? null : 'no-news', reason)
}

function describeNotified(judged: Stage, { notified: said }: EventFacts): Stage {
  if (judged.state === 'skipped' || judged.state === 'stopped') return skip('notified')
  if (judged.reason === 'no-news') return is('notified', 'skipped', null, 'no-news')
  if (said === null) return is('notified', 'waiting')
  if (typeof said === 'string') return is('notified', 'unknown', null, said)
  const { stage, at, reason } = said
  switch (stage) {
    case 'notified':
      return is('notified', 'done', at, null, reason)
    case 'notification-failed':
      return is('notified', 'stopped', at, 'delivery-failed', reason)
    case 'notification-unknown':
      return is('notified', 'unknown', at, 'delivery-unknown', reason)
    case 'nobody-to-notify':
    case 'kept-back':
    case 'silent':
      return is('notified', 'skipped', at, stage, reason)
    default:
      return is('notified', 'waiting', null, null, reason)
  }
}

function skip(stage: Stage['stage']): Stage {
  return is(stage, 'skipped', null, 'earlier-stage')
}

function is(
  stage: Stage['stage'],
  state: Stage['state'],
  at: number | null = null,
  reason: Reason | null = null,
  detail: string | null = null,
): Stage {
  return { stage, state, at, reason, remedy: reason && remedies[reason], detail }
}

/** What is said; null when nothing is, or it is not known what. */
export function known<T>(said: Said<T>): T | null {
  return typeof said === 'string' ? null : said
}
