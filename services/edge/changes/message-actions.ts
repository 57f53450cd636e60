import type { KindName, Payload } from '#runtime/changes/kinds.ts'
import type { MessageAction } from '#runtime/web/signed-links.ts'

type Action = MessageAction['action']

/** For how long something is muted: what a form sends, in minutes; null: until it is ended. */
export const times = {
  week: { text: 'A week', minutes: 7 * 24 * 60 },
  month: { text: 'A month', minutes: 30 * 24 * 60 },
  ever: { text: 'Until I end it', minutes: null },
} as const

type Texts = { title: string; text: string; button: string; asksForTime?: true }

/** What the page of an action asks. */
export const texts: Record<Action, Texts> = {
  useful: {
    title: 'Useful?',
    text: 'News items like this one will stand higher in your digests.',
    button: 'Yes, it is useful',
  },
  'not-useful': {
    title: 'Not useful?',
    text: 'News items like this one will stand lower in your digests.',
    button: 'It is not useful',
  },
  'quiet-until-worse': {
    title: 'Quiet until it gets worse?',
    text: 'You get no messages about this series until a news item is more severe or clearly more important, or its number has moved as far again. Digests still have it.',
    button: 'Be quiet until it gets worse',
  },
  'mute-series': {
    title: 'Mute this series?',
    text: 'You get no messages about this measurement of this company. Digests still have it.',
    button: 'Mute',
    asksForTime: true,
  },
  'mute-measurement': {
    title: 'Mute this measurement?',
    text: 'You get no messages about this measurement of any company. Digests still have it.',
    button: 'Mute',
    asksForTime: true,
  },
  'mute-company': {
    title: 'Mute this company?',
    text: 'You get no messages about this company, not even critical ones. Digests still have it.',
    button: 'Mute',
    asksForTime: true,
  },
}

type Asked<K extends KindName> = { kind: K; payload: Payload<K> }

/** The change that an action asks for. */
export function payloadOf(
  { person, newsId: news_id, action }: MessageAction,
  time: keyof typeof times,
): Asked<'notifier.feedback.set'> | Asked<'notifier.mute.add'> {
  if (action === 'useful' || action === 'not-useful')
    return {
      kind: 'notifier.feedback.set',
      payload: { person, news_id, answer: action === 'useful' ? 'useful' : 'not_useful' },
    }
  const kind = 'notifier.mute.add'
  if (action === 'quiet-until-worse') return { kind, payload: { person, news_id, scope: 'series', until_worse: true } }
  const scopes = { 'mute-series': 'series', 'mute-measurement': 'measurement', 'mute-company': 'company' } as const
  const { minutes } = times[time]
  return { kind, payload: { person, news_id, scope: scopes[action], ...(minutes !== null && { minutes }) } }
}
