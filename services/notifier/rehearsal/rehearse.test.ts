import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Follower } from '../people/recipients.ts'
import type { Preferences } from '../plan/preferences.ts'
import { type Audience, rehearse, type RehearsedNews } from './rehearse.ts'

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]

function follower(
  user_id: number,
  company_id: number,
  min_severity: Follower['filter']['min_severity'] = 'info',
): Follower {
  return {
    company_id,
    user_id,
    filter: { data_source_id: null, min_severity, kinds: null },
    ...{ isChosen: true, zone: null, hasDigests: true },
    channel: {
      ...{ company_id, user_id, user_name: `person ${user_id}`, channel_type: 'EMAIL' },
      ...{ destination: `${user_id}@example.com`, secret_id: null, through: 'acme' },
    },
  }
}

const always: Preferences = { findMute: () => null, findWorsened: () => [], quietUntil: () => (at) => at }

const audienceOf = (followers: Follower[], changes: Partial<Audience> = {}): Audience => ({
  ...{
    followers,
    preferences: always,
    importance: 0,
    limited: [],
    alertsPerDay: 0,
    coolDownMs: hour,
    windowMs: 10 * minute,
  },
  destinationId: ({ user_id }) => user_id,
  ...changes,
})

function newsOf(id: string, at: number, changes: Partial<RehearsedNews> = {}): RehearsedNews {
  return {
    ...{ news_id: id, group_id: `group ${at}`, dedupe_key: id, company_id: 1, data_source_id: 3, kind: 'threshold' },
    ...{ source_measurement_id: 1, severity: 'info', observed_at: at, silent: false },
    ...changes,
  }
}

/** Each message as `<minute>: <news items> to <people>`. */
const messagesOf = (news: RehearsedNews[], audience: Audience) =>
  rehearse(news, audience).messages.map(
    ({ at, itemIds, to }) =>
      `${at / minute}: ${itemIds.join(' ')} to ${to.map(({ destinationId }) => destinationId).join(' ')}`,
  )

test('the first news item of a company goes at once, others when the window ends, critical ones never wait', () => {
  const news = [newsOf('a', 0), newsOf('b', minute), newsOf('c', 2 * minute), newsOf('d', 60 * minute)]
  expect(messagesOf(news, audienceOf([follower(1, 1)]))).toEqual(['0: a to 1', '10: b c to 1', '60: d to 1'])
  const critical = newsOf('c', 2 * minute, { severity: 'critical' })
  expect(messagesOf([news[0]!, news[1]!, critical], audienceOf([follower(1, 1)]))).toEqual(['0: a to 1', '2: b c to 1'])
})

test('the news items of a payload are one message; a destination of several people gets one', () => {
  const audience = audienceOf([follower(1, 1), follower(2, 1)], { destinationId: () => 7 })
  const [message, ...others] = rehearse([newsOf('a', 0), newsOf('b', 0)], audience).messages
  expect(others).toEqual([])
  expect(message).toMatchObject({ at: 0, itemIds: ['a', 'b'], to: [{ destinationId: 7 }] })
  expect(message?.to[0]?.recipients.map(({ name }) => name)).toEqual(['person 1', 'person 2'])
})

test('people with a limit get so many alerts a day; what waits about a company is one of them', () => {
  const companies = [1, 2, 3].map((id) => follower(1, id))
  const audience = audienceOf(companies, { limited: [{ id: 1, zone: 'UTC' }], alertsPerDay: 2, windowMs: hour })
  const about = (company_id: number, id: string, at: number) => newsOf(id, at, { company_id })
  const { messages, keptBack } = rehearse(
    [
      ...[about(1, 'a', 0), about(1, 'b', minute), about(1, 'c', 2 * minute), about(2, 'd', 3 * minute)],
      ...[about(1, 'e', 2 * hour), about(3, 'f', day), { ...about(2, 'g', 4 * minute), severity: 'critical' as const }],
    ],
    audience,
  )
  expect(messages.map(({ itemIds }) => itemIds.join())).toEqual(['a', 'g', 'b,c', 'f'])
  expect(keptBack).toEqual({ 'its reader has had enough alerts for a day, so it stands in the digest': 2 })
  const others = { ...audience, limited: [{ id: 2, zone: 'UTC' }] }
  expect(rehearse([about(1, 'a', 0), about(2, 'b', 0), about(3, 'c', 0)], others).keptBack).toEqual({})
})

test('the cool-down counts the time of the news items', () => {
  const same = (id: string, at: number) => newsOf(id, at, { dedupe_key: 'stars up' })
  const news = [same('a', 0), same('b', 30 * minute), same('c', 2 * hour)]
  const { messages, keptBack } = rehearse(news, audienceOf([follower(1, 1)]))
  expect(messages.map(({ itemIds }) => itemIds)).toEqual([['a'], ['c']])
  expect(keptBack).toEqual({ 'sent there before, within the cool-down': 1 })
})

test('quiet hours hold everything until they end, in one message', () => {
  const preferences = { ...always, quietUntil: () => (at: number) => Math.ceil(at / day) * day }
  const news = [newsOf('a', hour), newsOf('b', 2 * hour, { company_id: 2 })]
  const audience = audienceOf([follower(1, 1), follower(1, 2)], { preferences })
  expect(messagesOf(news, audience)).toEqual(['1440: a b to 1'])
})

test('who gets nothing, and why', () => {
  const news = [newsOf('a', 0, { company_id: 9 }), newsOf('b', 0), newsOf('c', 0, { silent: true })]
  const { messages, withoutRecipient } = rehearse(news, audienceOf([follower(1, 1, 'warning')]))
  expect(messages).toEqual([])
  expect(withoutRecipient).toEqual({ 'nobody follows the company': 1, 'no subscription covers it': 1 })
  const mute = { mute_id: 1, created_at: 0, created_by: null }
  const muted = audienceOf([follower(1, 1)], { preferences: { ...always, findMute: () => mute } })
  expect(rehearse([newsOf('a', 0)], muted)).toEqual({ messages: [], withoutRecipient: {}, keptBack: { muted: 1 } })
})

test('each news item reaches each follower once, whatever the order of the file', () => {
  const item = fc.record({ at: fc.integer({ min: 0, max: 300 }), company: fc.constantFrom(1, 2) })
  fc.assert(
    fc.property(fc.array(item, { maxLength: 30 }), fc.boolean(), (items, isReversed) => {
      const news = items.map(({ at, company }, index) =>
        newsOf(String(index), at * minute, { company_id: company, group_id: `${at}/${company}` }),
      )
      const { messages } = rehearse(isReversed ? news.reverse() : news, audienceOf([follower(1, 1), follower(1, 2)]))
      expect(messages.flatMap(({ itemIds }) => itemIds).sort()).toEqual(news.map(({ news_id }) => news_id).sort())
      expect(messages.map(({ at }) => at)).toEqual(messages.map(({ at }) => at).sort((a, b) => a - b))
      for (const { at, itemIds } of messages)
        for (const id of itemIds) expect(at - items[Number(id)]!.at * minute).toBeLessThanOrEqual(10 * minute)
    }),
  )
})
