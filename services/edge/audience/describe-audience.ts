import { z } from 'zod'
import { formatNumber } from '#runtime/text/format.ts'
import { nextPeriod } from '#runtime/text/periods.ts'
import { isZone } from '#runtime/text/time-zone.ts'
import type { Audience, DigestPlan, Way } from './read-audience.ts'

/** A part of a sentence: text, a time (ISO), or another news item. */
export type Part = string | { at: string } | { news: string }

/** How it is with one way to hear of a news item: good, under way, something is wrong, or there is nothing. */
export const lineStates = ['good', 'late', 'bad', 'none'] as const
type Line = { state: (typeof lineStates)[number]; parts: Part[] }

export const toldStates = ['yes', 'not_yet', 'no', 'unknown'] as const
/** `told`: by any message. */
export type Described = { told: (typeof toldStates)[number]; lines: Line[] }

/** For how long it is known which news items digests had. */
const digestDays = 45

/**
 * Whether a person was told of a news item, and why, in sentences that say only what is recorded.
 * `now`: ms since 1970. `reader`: who reads them, a person's id.
 */
export function describeAudience(audience: Audience, now: number, reader: number | null = null): Described {
  const { ways } = audience
  const sent = ways.filter(({ way, reason }) => way === 'alert' && reason === null)
  const digests = ways.filter(({ way }) => way === 'digest')
  const lines = [
    ...sent.map(describeAlert),
    ...(sent.length > 0 ? [] : [describeNoAlert(audience, reader)]),
    ...describeDigests(audience, digests, now),
  ]
  return { told: tellWhether(audience, [...sent, ...digests]), lines }
}

function tellWhether({ news }: Audience, messages: readonly Way[]): Described['told'] {
  const states = messages.map(({ way, state }) => (way === 'digest' && state === null ? 'sent' : state))
  if (states.includes('sent')) return 'yes'
  if (states.includes('unknown')) return 'unknown'
  const isUnderWay = (one: Way) =>
    (one.state === 'waiting' || one.state === 'pending' || one.state === 'sending') && describeClosed(one) === null
  if (messages.some(isUnderWay)) return 'not_yet'
  if (isBefore(news)) return 'unknown'
  return news.received_at !== null && news.decided_at === null ? 'not_yet' : 'no'
}

/** Whether it came before it was recorded why followers get no alert. */
function isBefore({ decided_at, has_reasons, nobody }: Audience['news']): boolean {
  return decided_at !== null && !has_reasons && nobody === null
}

const channels: Record<string, string> = { EMAIL: 'e-mail', SLACK: 'Slack', WEBHOOK: 'webhook' }
const placeOf = ({ channel, address }: Way) => `${channels[channel ?? ''] ?? channel ?? 'a channel'} to ${address}`

function describeAlert(way: Way): Line {
  const what = `Alert by ${placeOf(way)}`
  const { state, state_at, held_until, trouble, is_held } = way
  if (state === 'sent') {
    return {
      state: 'good',
      parts: [`${what}: sent on `, ...timeOf(state_at), '.', ...describeHold(held_until, state_at), ...throughOf(way)],
    }
  }
  const closed = describeClosed(way)
  if (closed !== null) return { state: 'bad', parts: [`${what}: not sent. `, ...closed] }
  if (state === 'failed') return { state: 'bad', parts: [`${what}: failed on `, ...timeOf(state_at), because(trouble)] }
  if (state === 'unknown')
    return { state: 'late', parts: [`${what}: it is not known whether it arrived`, because(trouble)] }
  if (state === 'sending') return { state: 'late', parts: [`${what}: it is being sent.`] }
  if (state === 'pending') {
    const tried = trouble === null ? ' it is about to be sent.' : ` it could not be sent yet${because(trouble)}`
    return { state: 'late', parts: [`${what}:${tried}`, ...(trouble === null ? [] : nextTry(state_at))] }
  }
  const why = is_held ? 'quiet hours hold it' : 'it waits for more about the company'
  const until: Part[] = state_at === null ? ['.'] : [' until ', { at: state_at }, '.']
  return { state: 'late', parts: [`${what}: ${why}`, ...until, ...throughOf(way)] }
}

function describeHold(until: string | null, sentAt: string | null): Part[] {
  if (until === null) return []
  if (sentAt !== null && sentAt < until)
    return [
      ' Quiet hours held it, and it was sent before they ended: with something critical, or because they changed.',
    ]
  return [' Quiet hours held it until ', { at: until }, '.']
}

const timeOf = (at: string | null): Part[] => (at === null ? ['a time that is not known'] : [{ at }])
const because = (trouble: string | null) => (trouble === null ? '.' : `: ${trouble}.`)
const nextTry = (at: string | null): Part[] => (at === null ? [] : [' The next try is on ', { at }, '.'])

const facts = z.object({ through: z.array(z.string()) })

/** What the person followed that covered it. */
function throughOf({ facts: given }: Way): Part[] {
  const through = facts.safeParse(given).data?.through ?? []
  return through.length === 0 ? [] : [` It was followed through ${through.join(', ')}.`]
}

/** Why nothing is sent to a destination; null: something is. */
function describeClosed({ unsubscribed_at, parked_at, parked_reason, problem }: Way): Part[] | null {
  if (unsubscribed_at !== null)
    return ['The address has unsubscribed from all e-mails on ', { at: unsubscribed_at }, '.']
  if (parked_at !== null)
    return ['The channel is parked since ', { at: parked_at }, `${because(parked_reason)} An administrator unparks it.`]
  return problem === null ? null : [`The address cannot be used: ${problem}.`]
}

/** The one reason why there was no alert at all. */
function describeNoAlert({ news, person, ways }: Audience, reader: number | null): Line {
  const none = (...parts: Part[]): Line => ({ state: 'none', parts })
  if (news.withheld)
    return none('No alert: it is withheld, or was dropped. An operator decides about the run that it came in.')
  if (news.silent)
    return none(
      'No alert for anybody: it is silent. First values, history, replays and the like are stored, and nobody is notified.',
    )
  if (news.received_at === null)
    return {
      state: 'late',
      parts: ['No alert yet: it has not come to the notifier. That takes seconds where all runs.'],
    }
  if (news.decided_at === null)
    return {
      state: 'late',
      parts: [
        'No alert yet: who gets it is decided ',
        ...(news.decided_from ? ['on ', { at: news.decided_from }] : ['in a moment']),
        '.',
      ],
    }
  const left = ways.find(({ way }) => way === 'left_out')
  if (left) return none('No alert: ', ...explainLeftOut(left, person.person_id, reader))
  if (news.nobody !== null && !news.has_reasons) return none(`No alert for anybody: ${news.nobody}.`)
  const kept = ways.find(({ way, reason }) => way === 'alert' && reason !== null)
  if (kept) return none(`No alert by ${placeOf(kept)}: ${kept.reason}.`)
  if (!news.has_reasons) return none('No alert is known. It came before it was recorded why people get none.')
  const now = person.follows ? ' It is followed now.' : ''
  return none(`No alert: the company was not followed when the news item came.${now}`)
}

const muteFacts = z.object({
  mute: z.object({ mute_id: z.int(), created_at: z.number(), created_by: z.string().nullable() }),
})
const weightFacts = z.object({ importance: z.number().nullable(), least: z.number() })
const limitFacts = z.object({ per_day: z.int() })
const sameFacts = z.object({ news_id: z.string() })

function explainLeftOut({ reason, facts }: Way, person: number, reader: number | null): Part[] {
  switch (reason) {
    case 'muted': {
      const { mute } = muteFacts.parse(facts)
      const by = mute.created_by === null ? 'it was not recorded by whom' : nameActor(mute.created_by, person, reader)
      return [
        `it was muted by mute ${mute.mute_id}, set on `,
        { at: new Date(mute.created_at).toISOString() },
        ` (${by}).`,
      ]
    }
    case 'unimportant': {
      const { importance, least } = weightFacts.parse(facts)
      const how = importance === null ? '' : ` of ${formatNumber(importance)}`
      return [
        `its importance${how} is below ${formatNumber(least)}, from which on there are alerts for whoever has not chosen what they hear.`,
      ]
    }
    case 'daily_limit':
      return [`there had been ${limitFacts.parse(facts).per_day} alerts on that day already, and it is not critical.`]
    case 'cool_down':
      return ['the same was sent shortly before, by ', { news: sameFacts.parse(facts).news_id }, '.']
    case 'no_channel':
      return ['there was no channel for alerts.']
    case 'uncovered':
      return [
        'the company was followed, but no subscription covered such a news item by its source, severity and kind.',
      ]
    default:
      return [`the reason is ${reason}.`]
  }
}

function nameActor(actor: string, person: number, reader: number | null): string {
  const who = reader === person ? 'you' : 'the person'
  if (actor === `person:${person}`) return `by ${who}`
  return actor === `link:${person}` ? `by ${who}, with a link in a message` : `by ${actor}`
}

function describeDigests({ news, person, digests }: Audience, ways: readonly Way[], now: number): Line[] {
  if (ways.length > 0) return ways.map(describeDigest)
  if (news.silent || news.withheld || news.received_at === null) return []
  if (now - Date.parse(news.received_at) > digestDays * 86_400_000)
    return [{ state: 'none', parts: [`Digest: which news items digests had is known for ${digestDays} days only.`] }]
  if (!person.follows) return [{ state: 'none', parts: ['Digest: in none. The company is not followed now.'] }]
  if (digests === null)
    return [{ state: 'none', parts: ['Digest: in none yet. When the next one is due is not known.'] }]
  if (digests.rhythm === 'off') return [{ state: 'none', parts: ['Digest: none are wanted.'] }]
  const at = nextDigestAt(digests, now)
  const due: Part[] =
    at === null ? [describeRhythm(digests)] : ['on ', { at: at.toISOString() }, ` (${describeRhythm(digests)})`]
  return [
    {
      state: 'late',
      parts: ['Digest: in none yet. The next one is due ', ...due, '. It has what the ones before it had not.'],
    },
  ]
}

function describeDigest(way: Way): Line {
  const { facts, bucket, at, state, state_at, trouble } = way
  const of = bucket === null ? '' : ` about ${bucket}`
  const what: Part[] = [`Digest of ${String(facts['period'])}${of}: `]
  if (state === null) return { state: 'good', parts: [...what, 'it is in it, made on ', { at }, '.'] }
  if (state === 'sent')
    return { state: 'good', parts: [...what, `sent by ${placeOf(way)} on `, ...timeOf(state_at), '.'] }
  const closed = describeClosed(way)
  if (closed !== null) return { state: 'bad', parts: [...what, `not sent by ${placeOf(way)}. `, ...closed] }
  if (state === 'failed') return { state: 'bad', parts: [...what, `failed by ${placeOf(way)}`, because(trouble)] }
  if (state === 'unknown')
    return { state: 'late', parts: [...what, `it is not known whether ${placeOf(way)} arrived`, because(trouble)] }
  return { state: 'late', parts: [...what, `by ${placeOf(way)}, about to be sent.`] }
}

export const weekdays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const

/** When the next digest is due after `now` (ms since 1970); null: none is, or nobody knows its time zone. */
export function nextDigestAt({ rhythm, ...timing }: Omit<DigestPlan, 'is_default'>, now: number): Date | null {
  return rhythm === 'off' || !isZone(timing.zone) ? null : new Date(nextPeriod({ rhythm, ...timing }, now).at)
}

/** When digests come: "Mondays at 08:00 Europe/Berlin". */
export function describeRhythm({ rhythm, hour, weekday, zone }: Omit<DigestPlan, 'is_default'>): string {
  if (rhythm === 'off') return 'none'
  const time = `${String(hour).padStart(2, '0')}:00 ${zone}`
  if (rhythm === 'weekly') return `${weekdays[weekday - 1]}s at ${time}`
  return rhythm === 'daily' ? `every day at ${time}` : `on the first of a month at ${time}`
}
